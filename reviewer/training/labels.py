"""What the figures of a training are called."""

LABELS = {
    "rule_f1": "规则 F1（阈值 0.5）",
    "flag_recall": "有问题的草稿被指出的比例",
    "flag_specificity": "没问题的草稿放行的比例",
    "pointing": "指在引文上的比例",
}
