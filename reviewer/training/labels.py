"""What the figures of a training are called."""

LABELS = {
    "rule_f1": "规则 F1（阈值 0.5）",
    "flag_recall": "有问题的草稿被指出的比例",
    "flag_specificity": "没问题的草稿放行的比例",
    "pointing": "指在引文上的比例",
}

_SORTS = {"seen": "学过的规则", "held_out": "没学过的规则"}

RECALL_LABELS = {
    f"{prefix}recall_at_{depth}_{sort}": f"{before}前 {depth} 条召回（{name}）"
    for prefix, before in (("", ""), ("untrained_", "训练前，"))
    for sort, name in _SORTS.items()
    for depth in (1, 3, 5, 8)
}
