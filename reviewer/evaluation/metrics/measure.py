"""A figure with its interval, and what it is called in Chinese."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Better = Literal["higher", "lower", "neither"]


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of a run.

    ``value`` None with ``n`` 0 is undefined: there was nothing to count. ``low`` and ``high`` are
    the 95 % interval, None where there is none. ``n`` is how many items ``value`` is taken over.
    Shares are 0-1; any other unit stands in the name.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    better: Better


def undefined(name: str, better: Better) -> Measure:
    """Return the measure that says that there was nothing to count."""
    return Measure(name, None, None, None, 0, better)


LABELS: Mapping[str, str] = MappingProxyType(
    {
        "verdict_accuracy": "判定准确率",
        "flag_recall": "违规检出率（召回）",
        "flag_specificity": "合规放行率（特异度）",
        "flag_balanced_accuracy": "是否违规：平衡准确率",
        "flag_kappa": "是否违规：与标注的 kappa",
        "alerts_per_100_acceptable": "每 100 条合规回复的误报数",
        "not_assessed_share": "未能判定的比例",
        "n_errors": "出错的样本数",
        "citation_precision": "规则引用：精确率",
        "citation_recall": "规则引用：召回率",
        "citation_f1": "规则引用：F1（微平均）",
        "citation_macro_f1": "规则引用：F1（宏平均）",
        "red_line_recall": "红线：召回率",
        "red_line_precision": "红线：精确率",
        "span_iou": "标出片段与标注原文的重合度（IoU）",
        "span_overlap_share": "标出片段指对位置的比例",
        "span_missing_share": "引用正确但没有标出片段的比例",
        "retrieval_recall_at_1": "情境规则检索：前 1 条召回率",
        "retrieval_recall_at_3": "情境规则检索：前 3 条召回率",
        "retrieval_recall_at_5": "情境规则检索：前 5 条召回率",
        "retrieval_recall_at_8": "情境规则检索：前 8 条召回率",
        "retrieval_recall_at_1_without_stage_rules": "检索前 1 条召回率（不计 C01、C08）",
        "retrieval_recall_at_3_without_stage_rules": "检索前 3 条召回率（不计 C01、C08）",
        "retrieval_recall_at_5_without_stage_rules": "检索前 5 条召回率（不计 C01、C08）",
        "retrieval_recall_at_8_without_stage_rules": "检索前 8 条召回率（不计 C01、C08）",
        "brier_score": "Brier 分数",
        "brier_skill": "Brier 技巧分（相对基础比率）",
        "ece_equal_mass": "校准误差 ECE（等量分箱）",
        "ece_fixed_width": "校准误差 ECE（等宽分箱）",
        "ece_contrast": "校准误差 ECE（仅违规与近似违规）",
        "auroc": "AUROC（全部规则）",
        "auroc_contrast": "AUROC（违规对近似违规）",
        "balanced_accuracy_contrast": "违规对近似违规：平衡准确率",
        "aurc": "风险—覆盖曲线下面积（AURC）",
        "stability_flip_rate": "稳定性：判定翻转率",
        "stability_flip_rate_balanced": "稳定性：判定翻转率（违规与合规各半）",
        "stability_right_on_both": "稳定性：两种写法都判对的比例",
        "redteam_success_rate": "红队：攻击得手率",
        "redteam_not_assessed_share": "红队：攻击后未能判定的比例",
        "redteam_right_on_both": "红队：攻击前后都判对的比例",
        "mutation_detection_rate": "变异：目标规则检出率",
        "mutation_flag_rate": "变异：报出任一违规的比例",
        "rewrite_share": "违规回复给出改写的比例",
        "rewrite_ready_share": "违规回复得到可直接发送的改写（已核对、无待填）的比例",
        "rewrite_verified_share": "改写通过复核的比例",
        "rewrite_wordings_share": "改写出自批准说法的比例",
        "rewrite_wordings_verified_share": "出自批准说法的改写通过复核的比例",
        "rewrite_model_verified_share": "出自语言模型的改写通过复核的比例",
        "rewrite_tone_share": "改写不违反语气类规则（A 组）的比例",
        "rewrite_facts_kept_share": "改写保持事实不变的比例",
        "rewrite_edit_distance": "改写与原文的差异（0 相同，1 全改）",
        "rewrite_length_ratio": "改写与原文的长度比",
        "rewrite_placeholder_share": "改写含占位符的比例",
        "latency_p50_ms": "耗时中位数（毫秒）",
        "latency_p95_ms": "耗时 95 分位（毫秒）",
        "tokens_per_request": "每次审核的词元数",
    }
)

# Of ``Manifest.second_reader``, in the order in which they are told.
SECOND_READER_LABELS: Mapping[str, str] = MappingProxyType(
    {"flag_kappa": "是否违规的 kappa", "rule_f1": "规则 F1"}
)
