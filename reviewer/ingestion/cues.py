"""What words tell about a norm: its class, force, price and situation.

General vocabulary of Chinese service regulations by meaning (obligation, speech, body, office work), made
with four manuals in view (decision 8). Everything concluded from it is marked as guessed.
"""

import re
from collections.abc import Sequence

from reviewer.folding import simplify
from reviewer.ingestion.wording import durations
from reviewer.manual.imported import RuleClass
from reviewer.types import Severity, Stage

_FORBIDS = re.compile(
    r"不得|不要|不能(?!解|回|答|处|办|满)|不可(?!或?缺|避免|靠|分)|不应|不该|不宜|不准|不许|不允许|禁止|严禁|避免|杜绝|切勿|切忌"
    r"|(?<![禁猜妒顾])忌(?!讳|语)|(?<![请切])勿|拒绝(?!别人|时|客户)|谢绝"
)
# What may not be done to a customer; 避免 is said of effects as well.
_BANS = re.compile(r"不得|不要|不能|不可以|不准|不许|严禁|禁止|杜绝|切忌|切勿")
# 要 as a word of its own, not in 重要, 必要, 要求.
_MUST = r"(?<![重主必简摘首紧概扼])要(?!求|点|素|件|害|么)"
_DEMANDS = re.compile(
    rf"应(?!答|用|对|急|变|该由)|须|必须|务必|需要?(?!求)|{_MUST}|尽量|尽可能|确保|保证|保持|做到|一律|始终|坚持|主动"
    r"|注意|使用|可以?(?:说|回答|告诉|解释|改)"
)
#: What makes a sentence of running text a norm; a listed line is one anyway.
_OBLIGES = re.compile(
    rf"{_FORBIDS.pattern}|应当?(?!答|用|对|急|变)|须|必须|务必|需(?!求|要登记)|{_MUST}|尽量|尽可能|一律"
)
#: A softer negation, at the head of a clause: 不争辩, 不敷衍.
_DECLINES = re.compile(
    r"^(?:而|并|且|也|更|或|从)?不(?!断|仅|但|同|满|便|管|论|少|久|足|会|知|清|明|确|超|是|在|多|良|时|定|包[括含]|含|限于|适用)"
)

_CLAUSE_END = re.compile(r"(?<=[，,；;。！!])")
# A clause that says how a thing is done, also where others around it are forbidden or priced.
_WELL = re.compile(r"(?:正确|认真|耐心|热情|严格|妥善|准确|积极)(?!性|度|的)")
_INSTEAD = re.compile(rf"同时|而是|必要时|改[为用说]|先(?!行|于|后|进)|{_WELL.pattern}")

_SPEECH = re.compile(
    r"说(?!明书)|讲(?!究)|用语|语言|言辞|词汇|词语|语句|措辞|称呼|称谓|尊称|敬语|术语|语气|口吻|告知|告诉|传达|答复|回复|回答|应答|解释|解答|说明"
    r"|询问|问询|问候|问好|道别|再见|告别|道歉|致歉|歉意|抱歉|感谢|致谢|谢谢|争辩|争执|争吵|吵架|辱骂|骂|顶撞|讽刺|嘲|恶语|威胁|挑衅|责备|责怪|教训"
    r"|指责|推诿|推委|推卸|敷衍|搪塞|命令|承诺|许诺|答应|泄露|泄漏|透露|隐瞒|误导|报价|拒报|拒绝|婉拒|问清|问明|安抚|复述|重复|提醒|提示|引导|建议您|错误信息|准确的?信息|隐私|保密"
    r"|个人信息|客户信息|反馈(?=给|结果|进展|时间|时限)|发火|致意|寒暄|开场|开始语|结束语|自称|报(?:工号|出)|核实客户|核对|确认客户|身份|私利|贿赂|回扣|好处|礼品|红包|馈赠|权限|[“\"][^”\"]{1,4}[”\"]字|是否满意|是否.{0,4}解决|征求"
)
_TONE = re.compile(
    r"礼貌|有礼|热情|耐心|诚恳|真诚|友善|友好|亲切|尊重|尊敬|理解.{0,4}(?:心情|感受)|心平气和|冷静|态度|同情|温和|谦"
)
_SCRIPT = re.compile(r"[您你我]|请|谢|好的?[，,！!]|抱歉|对不起|再见")
_BODY = re.compile(
    r"着装|制服|工装|服装|衣|裤|裙|鞋|袜|领带|仪容|仪表|仪态|妆|粉底|口红|眉|发型|头发|染发|须发|长发|短发|胡须|胡子|指甲|饰品|饰物|首饰|戒指|耳环|佩戴|佩带"
    r"|工牌|胸牌|工号牌|徽|站姿|坐姿|行姿|蹲姿|走姿|姿势|姿态|站立|就座|坐时|入座|腰|挺胸|收腹|双手|双脚|双膝|左手|右手|手势|膝|臂|椅|微笑|笑容|面带|面容|面部|表情"
    r"|目光|双目|正视|眼神|视线|普通话|音量|语速|声音|语音|口齿|吐字|音调|听筒|话筒|铃|形象整洁|个人卫生|口气清新|体味|香水|饮食|吸烟|嚼"
)
_OFFICE = re.compile(
    r"记录|登记|录入|归档|存档|档案|台账|建档|建卡|填写|字迹|工单|系统操作|数据库|汇报|上报(?!主管审批)|请示|培训|考核|绩效|例会|会议|统计|汇总|整理|复盘|调研"
    r"|满意度调查|问卷|监督|监控|抽查|设立|建立|制定|修订|执行本|定期|每周|每月|每日|奖励|处分|排班|值班|交接|工作时间|上班|休息|考勤|职责|分工|岗位|流程应|宣传"
    r"|柜台|窗口|设备|注册|短信|先进先出|回访|内部协作|整改|改进(?:会议|措施)|学习|管理(?:制度|人员)|采取.{0,4}措施|推动|优化"
)
_COMPETENCE = re.compile(
    r"具备|具有|掌握|熟悉|熟练|精通|学会|训练|演练|素质|素养|能力|技能|知识|意识|责任心|事业心|职业道德|团队|团结|互助|敬业|忠于|进取|创新|顾全大局|爱心|宗旨|理念|目标|价值|形象|口碑|竞争力"
    r"|适用于|适用范围|目的|意义|为了?(?:规范|提高|加强|保障|维护|进一步)|特制定|是指|包括|范围"
)
# What hand and ear do on the telephone.
_HANDLING = re.compile(r"挂断|挂机|挂线|挂电话|接听|接起|摘机|放下|轻放|按键|转接|倾听|聆听|打断|插话|插嘴")
_ORGANISATION = re.compile(
    r"^(?:公司|本公司|部门|客服部门?|客服中心|客户服务中心|公司客服部门|管理层|管理人员|主管|班长|班组长|人力资源)"
    r"(?![^，,。]{0,8}(?:人员|员工|代表|坐席))[^，,。]{0,6}(?:应|须|将|要|可|负责|定期)"
)
_COUNTERPART = re.compile(
    r"客户|顾客|客人|宾客|买家|乘客|用户|对方|来电|消费者|业主|会员|家长|患者|旅客|投诉|咨询|来访"
)
# What is to come of a norm or must not come of it; nobody can be seen to say it.
_EFFECT = re.compile(
    r"(?:以便|以免|以利|以期|以达|从而|进而|使(?!用)|达到|提高|提升|增强|增进|促进|树立|赢得)[^，,。；;]*"
    r"|(?:出现|发生|造成|引起|引发|导致|产生)[^，,。；;]*(?:投诉|纠纷|争议|不满|反感|差错|事故)"
)
# Speech in the name of something else: 答复时限, 沟通技巧.
_NAMED = re.compile(
    rf"(?:{_SPEECH.pattern})(?:率|时限|时间|期限|技巧|技能|能力|水平|流程|程序|制度|机制|工作|渠道|艺术|方法)"
)
_CIRCUMSTANCE = re.compile(r"(?:^|(?<=[，,。；;]))[^，,。；;]{2,40}(?:时|后|前|中|期间|情况下)[，,]")
# A time for telling the customer can be promised in a reply, any other cannot be seen in one.
_TELLS = re.compile(
    rf"(?:回复|答复|回答|告知|告诉|通知|反馈|说明|承诺)给?(?:{_COUNTERPART.pattern})|[向给对](?:{_COUNTERPART.pattern})"
)
_STATES = re.compile(
    r"(?<![凡要还但总可于而])(?<!特别)(?<!尤其)是(?!否|非)|往往|通常|意味着|有助于|因为|由于"
)

_HEADING_BODY = re.compile(r"仪容|仪表|仪态|着装|妆|姿|形象|发型|服饰|饰品|卫生|举止形体|语音")
_HEADING_OFFICE = re.compile(
    r"培训|考核(?!条例)|奖惩|处罚|违规|档案|复盘|职责|岗位|宣传|改进|时间管理|组织|范围|背景"
)
_HEADING_COMMENTARY = re.compile(r"案例|分析|点评|评析|启示|体会|心得")
_HEADING_PURPOSE = re.compile(r"总则|目的|背景|宗旨|适用|范围|前言|引言|素质|守则|定义|概述|附则")

_RED = re.compile(r"红线|高压线|一票否决|零容忍|不得发送|立即辞退|开除|解聘|追究法律责任")
_HARD = re.compile(r"严禁|禁止|绝不|绝对不|坚决|杜绝|必须|务必|一律|不得")
_POINTS = re.compile(r"扣(?:除)?[^，,。；;\d]{0,8}(\d{1,3})\s*分|(\d{1,3})\s*分[/／每]?次")
_MAJOR_POINTS = 10

_OPENING = re.compile(r"开场|开头|接通|首次|首句|问候语|招呼语|开始语|迎客|接待开始|初步响应|初次")
_CLOSING = re.compile(r"结束语|结尾|道别|告别|挂机前|收尾|结束时|咨询完毕|最后一句|送别|送客")
# Where a clause of circumstance ends. 时 and 后 are parts of other words as well (及时, 然后).
_WHEN_ENDS = (
    r"(?:(?<![及同随准按届适此平小临暂时当])时(?![间候限常刻效段])|(?<![然最今先此随落售])后(?![续台])"
    r"|期间|过程中|情况下)"
)
_CONDITION = re.compile(
    r"(?:(?:如果?|假如|若|倘若|遇到?|当(?![面众场天日月地班])|凡|一旦)[^，,。；;:：“]{2,60}?"
    r"|(?:对于|针对)(?:(?!及时|进行|积极|认真|加以)[^，,。；;:：“]){2,60}?"
    rf"|在[^，,。；;:：“]{{2,60}}?(?:{_WHEN_ENDS}|[前中下]|情况|问题))[，,:：]"
)
_FORCE = r"(?:应|须|需要?(?!求)|必须|务必|要|不得|不要|不能|不可|禁止|严禁|切勿|请|可以?|一律|尽量)"
_STAFF = r"[^，,。；;:：“、（(]{0,12}(?:人员|员工?|代表|坐席|客服)"
# A circumstance before the first demand: 店员应在客人离店后…; 问题解决后，…; 解答问题时应…; 客人久等的，应….
_CIRCUMSTANCED = re.compile(
    rf"{_STAFF}(?:应当?|须|必须|要|需)?(?P<placed>在[^，,。；;:：“、（(]{{2,30}}?{_WHEN_ENDS})"
    rf"|(?P<plain>(?![对向把将])[^，,。；;:：“、（(]{{2,30}}?{_WHEN_ENDS})(?:[，,]|(?={_FORCE}))"
    rf"|(?P<case>(?:客户|顾客|客人|用户|买家|对方)[^，,。；;:：“、（(]{{2,30}}的)[，,](?=[^，,。；;]*{_FORCE})"
)
_CONCEDES = re.compile("即便|即使|虽然?|尽管")
_UNIVERSAL = re.compile(r"无论|不论|不管|任何|所有|一切|每|始终|随时")
# What goes on in every conversation: a rule that waited for it would be silent where it applies.
_EVER = re.compile(
    rf"(?:{_STAFF})?在?(?:为|与|和|向|对)?(?:接待|服务|面对|处理|解决|解答|回答|答复|接打|打|接听|接)?(?:客户|顾客|客人|用户)?的?"
    r"(?:提供)?(?:交流|沟通|服务|交谈|对话|通话|接待|工作|上班|问题|咨询|电话)?(?:或[^，,]{0,6})?的?(?:时|期间|过程中)"
)
_BARE = re.compile(rf"(?:无论|不论|不管|任何)[^，,]*|[^，,]*{_WHEN_ENDS}")
_SITUATION = re.compile(r"(?:遇|当(?!地|日)|如|若|凡).*|.*(?:时|情况|情形|场景)(?:[(（].*)?")
ANY = "any"


def class_of(text: str, headings: str, *, scripts: bool) -> RuleClass:
    """Return what a norm is about.

    Args:
        text: The norm on one line.
        headings: The headings above it.
        scripts: Whether it gives words to say or not to say.
    """
    text, headings = simplify(text), simplify(headings)
    acts = _NAMED.sub("", _EFFECT.sub("", text))
    speech, body, office = _count(_SPEECH, acts), _count(_BODY, text), _count(_OFFICE, text)
    handling = _count(_HANDLING, _CIRCUMSTANCE.sub("", text))
    timed = bool(durations(text)) and not _TELLS.search(text)
    tone, competence = _count(_TONE, text), _count(_COMPETENCE, text)
    demands = obliges(text)
    if scripts:
        kind: RuleClass = "checkable"
    elif _is_told(acts, headings):
        kind = "background"
    elif max(body, handling) >= max(1, speech) or (_HEADING_BODY.search(headings) and not speech):
        kind = "conduct"
    elif _ORGANISATION.search(text) or (office and office >= speech) or timed:
        kind = "process"
    elif _HEADING_OFFICE.search(headings):
        kind = "process" if office or demands else "background"
    elif competence >= max(1, speech + tone) or (_HEADING_PURPOSE.search(headings) and not speech):
        kind = "background"
    elif speech or (_BANS.search(acts) and _COUNTERPART.search(acts)):
        kind = "checkable"
    elif tone:
        kind = "conduct"
    else:
        kind = "process" if demands else "background"
    return kind


def _is_told(text: str, headings: str) -> bool:
    """Whether a text states something instead of demanding it.

    A comment on a case argues in the words of demands; it is a norm if it begins with one or demands
    speech in one clause.
    """
    if not _HEADING_COMMENTARY.search(headings):
        return not obliges(text) and _STATES.search(text) is not None
    clauses = re.split(r"[，,；;。！!：:]", text)
    return not obliges(clauses[0]) and not any(
        _SPEECH.search(clause) and (_DEMANDS.search(clause) or _FORBIDS.search(clause)) for clause in clauses
    )


def severity_of(text: str) -> tuple[Severity, int | None, bool]:
    """Return severity, points off for one incident where the text names them, and whether it says so."""
    text = simplify(text)
    priced = _POINTS.search(text)
    points = int(priced[1] or priced[2]) if priced else None
    if _RED.search(text):
        return "red", points, True
    if points is not None:
        return ("major" if points >= _MAJOR_POINTS else "minor"), points, True
    return ("major" if _HARD.search(text) else "minor"), None, False


def without_points(text: str) -> str:
    """Return ``text`` without the clauses that only price it."""
    return re.sub(
        r"[，,；;]?\s*(?:每?发现一次|每次|一次)?[，,]?\s*" + _POINTS.pattern + r"[；;。]?", "", text
    ).strip()


def situation_of(text: str, heading: str) -> str:
    """Return when a norm applies, ``any`` when neither the heading nor the words before its demand say.

    A circumstance after the first demand governs only what follows it, and is not one of the norm.
    """
    found = _circumstance(text)
    if found:
        return text[found[0] : found[1]].rstrip("，,:：")
    return heading if heading and _SITUATION.fullmatch(simplify(heading)) else ANY


def _circumstance(text: str) -> tuple[int, int] | None:
    """Return where the circumstance that governs all of ``text`` stands."""
    words = simplify(text)
    found = _CONDITION.match(words)
    if found is None:
        found = _CIRCUMSTANCED.match(words)
        clause = found[found.lastgroup or 0] if found else ""
        if obliges(clause) or durations(clause):
            # A demand, or a limit in time.
            return None
    if found is None:
        return None
    start, end = found.span(found.lastgroup or 0)
    clause = words[start:end].rstrip("，,:：")
    return None if _UNIVERSAL.search(clause) or _EVER.fullmatch(clause) else (start, end)


def is_bare(text: str) -> bool:
    """Whether ``text`` names a circumstance and nothing that is demanded in it."""
    return _BARE.fullmatch(simplify(text)) is not None and not obliges(text)


def any_or(situation: str) -> str:
    """Return ``situation`` as it is named, ``any`` where it names every one (全部, 每一条回复)."""
    return (
        ANY
        if re.fullmatch(r"全部|全程|所有\S{0,6}|每一?[条次]\S{0,4}|任何\S{0,6}|通用", situation)
        else situation
    )


def is_condition(text: str) -> bool:
    """Whether ``text`` begins with a situation of its own."""
    return _CONDITION.match(simplify(text)) is not None


def stages_of(text: str) -> tuple[Stage, ...]:
    """Return the stages of a conversation that a norm names, all when it names none or both ends."""
    text = simplify(text)
    opening, closing = bool(_OPENING.search(text)), bool(_CLOSING.search(text))
    if opening == closing:
        return ("opening", "middle", "closing")
    return ("opening",) if opening else ("closing",)


def demands_and_bans(text: str) -> tuple[str, str]:
    """Divide a norm's clauses into what is demanded and what is forbidden; either may be empty."""
    demanded: list[str] = []
    banned: list[str] = []
    target = demanded
    held: list[str] = []
    for clause in _CLAUSE_END.split(text):
        words = simplify(clause).strip()
        if (demanded or banned) and (_CONDITION.fullmatch(words) or _CONCEDES.match(words)):
            # It belongs to what follows it.
            held.append(clause)
            continue
        if _FORBIDS.search(words) or _DECLINES.match(words):
            target = banned
        elif _DEMANDS.search(words) or _INSTEAD.match(words) or words[:1] in "应须要可请":
            target = demanded
        target += [*held, clause]
        held = []
    target += held
    return _trimmed(demanded), _trimmed(banned)


def priced(text: str) -> tuple[str, str]:
    """Divide what a price stands behind: it is forbidden, but for clauses that say how it is done well."""
    clauses = _CLAUSE_END.split(text)
    well = [_WELL.match(simplify(clause).strip()) is not None for clause in clauses]
    done = [clause for clause, good in zip(clauses, well, strict=True) if good]
    return _trimmed(done), _trimmed([clause for clause, good in zip(clauses, well, strict=True) if not good])


def is_script(text: str) -> bool:
    """Whether quoted words are something that an agent says, rather than a term."""
    return len(text) >= 6 and _SCRIPT.search(simplify(text)) is not None


def obliges(text: str) -> bool:
    """Whether ``text`` demands or forbids something in so many words."""
    return _OBLIGES.search(simplify(text)) is not None


def forbids(text: str) -> bool:
    """Whether ``text`` forbids something in so many words."""
    return _FORBIDS.search(simplify(text)) is not None


def _trimmed(parts: Sequence[str]) -> str:
    return "".join(parts).strip("，,；;。！! ")


def _count(pattern: re.Pattern[str], text: str) -> int:
    return len({match[0] for match in pattern.finditer(text)})
