"""A05, E03, D02: phrases that are a breach whenever an agent says them to a customer.

Source: manual rules A05 (no insult, mockery, threat or quarrel), E03 (no private gain or dealing)
and D02 (no promise beyond one's authority). This is a safety net under the grader, not a list of
sensitive words: a phrase is here only when no agent can say it to a customer in good faith.

Not a hit: a phrase that is negated, quoted, reported of somebody else, supposed, or part of a warning
(请不要私下转账给个人, 我们从不以好评返现, 您说师傅骂您“神经病”).

Which error is worse: all three rules block a message, so a false hit is. Irony, veiled threats and
politely worded deals are left to the grader.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from reviewer.checks.subject import Subject
from reviewer.checks.wording import clause_bounds, own_words, quoted, reported
from reviewer.types import Hit

# 我们, 我司, 我行 ... are the company; 我这边 is a place.
_ME = r"我(?!们|司|行|公司|店|院|校|处|局|家|方|部|社|厂|单位|这)"
_PRIVATE = r"(?:自己的?|个人的?|私人的?|本人的?|的)"
_ACCOUNT = r"(?:微信|薇信|vx|v信|支付宝|qq|银行卡|私号|私账|个人号|卡)"
# 打我电话 is a call, 打到我卡上 a payment.
_PAY = r"(?:转|付|汇|存|打(?=到|进|至|给|入|往))"
# A bare number counts from two digits on: 微信转我20, but not 转我2号分机.
_MONEY = (
    r"(?:钱|款项?|定金|押金|尾款|差价|费用?|\d{1,8}(?:\.\d{1,2})?(?:元|块)钱?|\d{2,8}(?![号线分席客位\d])"
    r"|(?:一[百千万]|[二三四五六七八九十两百千万])[一二三四五六七八九十两百千万]*(?:元|块)钱?)"
)
_SUM = r"(?:\d+(?:\.\d+)?(?:元|块|毛)?|[一二三五六八十两]+(?:元|块|毛))"
_REWARD = rf"(?:{_SUM}?(?:钱|个|的|小|微信)*(?:红包|现金|话费)|{_SUM}?(?:元|块))(?!优惠|代金|无门槛|的?券)"
_REWARDING = r"(?:(?:返|补|贴|转|发|送)(?:给)?[您你]|给[您你](?:返|补|贴|转|发|送))"
_ILL = r"有病(?![史症历情例假理人房床毒变痛])"

_INSULTS = (
    r"傻[逼叉缺]|煞笔|脑残|死变态|王八蛋|混蛋|畜生|人渣|贱[人货逼]|蠢[货猪蛋]|白痴",
    r"神经病(?![学变理院科患性史人症])|(?:^|(?<=[,。!?\n]))有病吧",
    rf"[您你](?:这个?人)?(?:是不是|真是?|就是|才)?(?:有毛病|{_ILL})(?:吧|吗|啊|呀|$|[!?])",
    r"脑子(?:是不是)?(?:进水|有病|有毛病|坏掉|被驴踢|不好使)",
    r"臭不要脸|[给真太还]不要脸|要不要脸(?!部|上|颊|霜)|死皮赖脸|厚脸皮|脸皮(?:可|也|真|够|这么|太|是)*厚",
    r"滚(?:蛋|犊子|远点|一边去)|(?:给我|快|赶紧)滚(?![动筒轮烫热水开边])",
    r"[您你](?:这种?人)?(?:真|可真|太)恶心|(?:别|少|来)(?:再|来|在这)?恶心[我人]",
    r"也不照照镜子|活该|[您你](?:是不是|就是|真是)闲得(?:发?慌|蛋疼)|(?:[您你]|这种人)(?:就是|真是?)?欠(?:收拾|揍)",
    r"嘴巴放干净|丢不丢人|[就凭][您你](?:这|那)(?:个|点|种)?(?:素质|智商|德性|德行|脑子)|[买吃用玩付掏]不起就别",
)
_QUARRELS = (
    r"爱(?:去)?(?:哪儿?|哪里)?(?:投诉|举报|告)(?:就|随便|去|哪|您|你)",
    r"(?:投诉|告|举报)(?:去呗|就(?:投诉|告|举报)[呗吧])",
    r"有(?:本事|种|能耐)(?:[您你])?(?:就|尽管)?(?:去|来)?(?:投诉|告(?![诉知警别示])|举报|曝光|打官司)",
    r"谁怕谁|看谁吃亏|吓唬谁|(?:还|会|能)怕(?:了)?[您你](?:不成|吗)",
)
_THREATS = (
    r"(?:给我|[您你]就?)等着瞧(?!好)|走着瞧|弄死[您你]|信不信我(?:现在|马上)?就?(?:把|让|叫)[您你]|(?:别|不要)逼我",
    r"(?:上门|找人|叫人|派人)(?:来|去)?(?:收拾|教训|弄|堵)[您你](?!的)",
    r"掂量着点|吃不了兜着走|[您你](?:家)?的?(?:地址|电话|住址|信息)[^。!?]{0,20}(?:掂量|后果自负)",
)
_PRIVATE_PAYMENT = (
    rf"{_MONEY}(?:都|就|直接|先|再|私下|微信|支付宝|请|,)*{_PAY}(?:给|到|至|进|入)?{_ME}{_PRIVATE}?{_ACCOUNT}?",
    rf"(?:微信|支付宝|私下里?|偷偷|直接){_PAY}(?:给)?{_ME}{_PRIVATE}?{_ACCOUNT}?(?:上|里)?{_MONEY}",
    rf"{_PAY}(?:到|给|至|进|入|往){_ME}{_PRIVATE}?{_ACCOUNT}(?!号码|信息)",
    rf"[转付汇存](?:到|给)?{_ME}(?:个人|私人|本人)(?!信息|资料|中心|主页)",
    rf"(?:往|到|向){_ME}{_PRIVATE}?{_ACCOUNT}(?:上|里)?{_PAY}(?!接|告|达|发)",
    rf"私下里?{_PAY}{_ME}",
    rf"加{_ME}{_PRIVATE}?{_ACCOUNT}[^。!?]{{0,24}}(?:{_PAY}(?:给)?{_ME}|转\d|红包(?:发|转|给)|发[^,。!?]{{0,6}}红包)(?!看)",
    rf"给{_ME}(?:和[^,。!?]{{1,6}})?[^,。!?]{{0,4}}(?:发|包|转)[^,。!?]{{0,6}}红包(?!截图)",
    rf"红包(?:直接|先)?(?:发|转|打){_ME}(?!看|截|确认)",
    rf"(?:给|转|付|发|塞){_ME}[^,。!?]{{0,8}}(?:辛苦费|好处费|茶水费|打点费)",
)
_PRAISE = r"(?:好评|五星|5星|满分)"
_PAID_PRAISE = (
    rf"(?:给|打|写|点|来|留|发|刷|晒)[^,。!?]{{0,6}}{_PRAISE}[^。!?]{{0,60}}{_REWARDING}{_REWARD}",
    rf"{_PRAISE}[^。!?]{{0,30}}(?:私下|私人|悄悄|偷偷|掏腰包|自己贴)[^,。!?]{{0,4}}{_REWARDING}",
)
_GUARANTEES = (
    (
        r"我(?:个人|敢|能|可以|现在|就|这边)*(?:给|跟|向|替)?[您你]?(?:保证(?!金)|打包票|拍胸脯)[^。!?;]{0,14}"
        r"(?:全额|双倍|十倍|全赔|全退|全免|免单|赔[您你给偿]|批下来|一定(?:能)?(?:通过|批|过)|中签|不亏|盈利|赚钱)"
    ),
    r"我(?:直接|现在|来|就|给您|替您|帮您|这边)*做主[^。!?申上报争]{0,8}(?:免|赔|送|退|减|补)",
    r"稳赚不赔|包赚不赔|只赚不亏|[包保][您你](?:一次|考试|考)?过(?![得上个年来程])",
)
# Pictures and papers are sent to the agent, money is paid to him.
_PAPERS = re.compile(r"截图|照片|图片|视频|链接|资料|文件|凭证|单号|订单|发票")
_NOT_SO = re.compile(r"(?:不是|没有?|并非|不会|不该|不应|绝不|从不)[^,。!?]{0,6}$")


def _is_insult(text: str, start: int, end: int) -> bool:
    """Whether the agent himself says it; 别恶心我 is no negation of the insult."""
    first, _ = clause_bounds(text, start, start)
    return not (quoted(text, start, end) or reported(text, start) or _NOT_SO.search(text, first, start))


def _is_private_payment(text: str, start: int, end: int) -> bool:
    first, _ = clause_bounds(text, start, start)
    return own_words(text, start, end) and not _PAPERS.search(text, first, start)


def _is_paid_praise(text: str, start: int, end: int) -> bool:
    """Whether praise still to be written is paid for; thanks for praise given are not."""
    first, _ = clause_bounds(text, start, start)
    return own_words(text, start, end) and "谢" not in text[first:start]


@dataclass(frozen=True, slots=True)
class _Phrases:
    """Phrases of one kind: the rule, the wordings, when they count, and what to tell the agent."""

    rule_id: str
    wordings: tuple[str, ...]
    in_earnest: Callable[[str, int, int], bool]
    why: str


_PHRASES: tuple[_Phrases, ...] = (
    _Phrases("A05", _INSULTS, _is_insult, "是辱骂或嘲讽客户的话，无论客户说了什么都不能发出。"),
    _Phrases("A05", _QUARRELS, _is_insult, "是顶撞、挑衅客户的话；客户有权投诉，应当安抚并受理。"),
    _Phrases("A05", _THREATS, _is_insult, "带有威胁客户的意味，不能发出。"),
    _Phrases("E03", _PRIVATE_PAYMENT, _is_private_payment, "让客户把钱款私下付给个人；付款只能走公司渠道。"),
    _Phrases("E03", _PAID_PRAISE, _is_paid_praise, "用返现或红包换取好评；评价应由客户自愿作出。"),
    _Phrases(
        "D02", _GUARANTEES, own_words, "越过权限作了担保；赔偿、减免和结果应按政策答复，超出的上报审批。"
    ),
)


def find_red_line_phrases(subject: Subject) -> tuple[Hit, ...]:
    """Return at most one hit a kind of phrase, with every span of that kind."""
    text = subject.draft.text
    hits = []
    for phrases in _PHRASES:
        pattern = re.compile("|".join(phrases.wordings))
        spans = tuple(
            subject.draft.span(match.start(), match.end())
            for match in pattern.finditer(text)
            if phrases.in_earnest(text, match.start(), match.end())
        )
        if spans:
            quotes = "”“".join(dict.fromkeys(span.text for span in spans))
            hits.append(Hit(phrases.rule_id, spans, f"“{quotes}”{phrases.why}"))
    return tuple(hits)
