"""A draft as pieces that can be left out, changed and added, and the reply that they make.

A piece is a clause, or a part of one between blanks: chat is often written without punctuation. What
stands in quotation marks is never cut.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from reviewer.clauses import split_clauses
from reviewer.types import Span

#: What stands in quotation marks is somebody's words or a name: never exchanged, and whole or not at all.
QUOTED = re.compile(
    r"(《[^》\n]*》|【[^】\n]*】|“[^”\n]*”|‘[^’\n]*’|「[^」\n]*」|『[^』\n]*』|\"[^\"\n]*\"|\[[^\]\n]*\])"
)
_BLANK = re.compile(r"(?<=[^\x00-\x7f])[ \u3000]+(?=\S)|(?<=\S)[ \u3000]+(?=[^\x00-\x7f])")
_ENDERS = "。！？!?…～~"
_JOINERS = "，,、；;：:"
_CLOSERS = "”’」』）)】》"
_TRAILING = re.compile(rf"[{_ENDERS}{_JOINERS}\s]+$")
_GREETING = (
    r"[您你]们?好[呀啊哦]?|早上好|上午好|中午好|下午好|晚上好|喂?您好|(?:感谢|谢谢)您?的?(?:来电|致电|咨询|联系).{0,2}"
    r"|(?:您好)?(?:这里|这边)是[^不没]{0,14}(?:客服|中心|公司|店|平台|专员|热线|\])(?:[工小A-Za-z\d\[].{0,7})?"
    r"|我是[^不没]{0,10}客服(?:专员|代表|人员)?(?:[工小A-Za-z\d\[].{0,7})?"
    r"|(?:很?高兴|乐意)为您服务|(?:工号|客服)?[A-Za-z\d\[\]工]{1,12}号?(?:客服)?(?:很?高兴|竭诚)?为您服务"
)
_LEAD = re.compile(
    rf"{_GREETING}|好的?[呀哦呢哈]?|行|嗯+|哦+|在的|亲|是的|(?:您好)?[\u4e00-\u9fff]{{0,2}}(?:先生|女士|小姐|师傅|老师|阿姨|大爷)(?:您好)?"
)
_GREETS = re.compile(_GREETING)
_LEAVE = re.compile(
    r".*(?:感谢您?的?(?:来电|致电|咨询|支持|理解|联系)|谢谢您?的?(?:来电|咨询|支持|理解)|再见|拜拜|祝您|生活愉快|还有(?:其他|什么|别的)"
    r"|欢迎.{0,6}(?:联系|来电|咨询)|有需要.{0,6}(?:联系|找我|告诉)).*"
)
_SENTENCE_END = re.compile(r"[。！？!?…～~][”’」』）)】》\s]*$")
_SORRY = re.compile(r"抱歉|对不[起住]|不好意思|过意不去")
_FEELING = re.compile(rf"{_SORRY.pattern}|您的?(?:心情|感受|着急).{{0,6}}理解|理解您的?(?:心情|感受|着急)")
_SORRY_AGAIN = re.compile(r"^(?:很|非常|实在)?抱歉(?:，|(?=让您))|，(?:很|非常|实在)?抱歉(?=[，。])")
# Words of business: a clause that has one may answer the customer. Wider than it need be, for what is taken
# for an answer stays or is told, and what is not goes without a word.
_ANSWER = re.compile(
    r"已|正在|请|麻烦您|可以|不行|支持|没法|不能|无法|不了|没问题|(?<!有)没有|[能会有行在]的|退|赔|补|寄|派送|派件|签收|揽收"
    r"|[发到有缺换收]货|订单|订[的了]|快递|物流|包裹|驿站|审[核批]|办理|办好|登录|点击|点开|你点|您点|打开|设置|搜|填|改|下载|更新|扫|选"
    r"|重启|重新|拔|查|修|换|送[到达]|到[账了]|[货退付打]款|[费运]用|运费|免费|价|发票|[单账号]号|号码|密码|验证码|短信|地址|时间|确认"
    r"|取消|预约|安装|上门|开通|关闭|电话|网[上站点]|门店|柜台|优惠|库存|仓库|尺码|颜色|型号|保修|明天|今天|后天|第[一二三四五]步"
)
# An outburst is shorter than most answers.
_SHORT = 12
# What no reply should lose without a word: business done, to be done, or how to do it.
_SERVICE = re.compile(
    r"已(?![知晓久死])|正在|退[款票货费回改]|[可能]退|不退|到账|寄|派送|派件|签收|揽收|[发到换补]货|订单|订金|押金|快递|物流|包裹|驿站|审核|办理|办好|发票|改期|改签"
    r"|取消|预约|安装|上门|开通|运费|登录|点击|点开|材料|保修|有效期|第[一二三四五六七八九十\d]+步|库存|流量|套餐|合同|维修|手续费|收费"
)
# Says nothing where what it joins on to is gone.
_CONTINUES = re.compile(
    r"(?:再(?!见)|还(?!有其他|有什么)|也|就|都(?!是)|才|而且|并且?|但是?|不过|所以|因此|否则|不然|反正|然后|结果|外加|另加|那(?![边里个家天位套])就?|要不|省得|免得|以免|到时候?"
    r"|您?直接|(?:[他她它]|这个?价|这价|这样|这么)(?!们|个月|几天|边)|比(?!较|如)|跟(?!您)|包括|连)"
)
_CONSENT = re.compile(
    r"(?:[您你](?:看|觉得|说)?)?(?:这样)?(?:可以|行|好|成|中|方便)(?:吗|不|吧|么|嘛)|[您你]看呢?"
)
# Agrees to what follows, or reassures: wrong before what is said instead.
_ASSENT = re.compile(
    r"(?:可以[的呀啊哒]*|行[的啊呀吧]?|没问题[的呀啊]?|有[的啊呀]|有有+|是[的真]的?|对的|当然[可以]*|成|别[慌急][嘛哈呀]?"
    r"|[您你]?(?:就|尽管)?放(?:一百个|宽)?心[吧啊啦哒的]?(?:好了|就是了)?)"
)
_JIBE = re.compile(r"[^请可以]{1,8}[吧呢][？?]")
# Opens what the rest of the sentence would have to end.
_AWAITS = re.compile(
    r"(?:[您你我]们?)?(?:要是|如果|要|若|假如|万一|只要|只有|除非|等|因为|既然|虽然|为了|不是|按说|与其|这样|反正|一般|本来|说实话)"
)
_PROMISE = re.compile(
    r"我(?:们|这边|这就|马上|现在|先|来|会|帮您|为您|给您)*[^，。！？\n]{0,10}(?:查|核实|核对|登记|跟进|处理|反馈|转)|请您?稍等|稍等"
)
_LEADING_GREETING = re.compile(r"^您好，")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a reply: ``gap`` is the blank before it.

    ``span`` is where it stands in the draft, None for what a rule put in. ``rule`` is why it is new or
    changed, empty for what is as it was. ``torn`` when what followed in the draft has been left out.
    """

    text: str
    gap: str = ""
    span: Span | None = None
    rule: str = ""
    torn: bool = False

    @property
    def words(self) -> str:
        """The text without the punctuation that ends it."""
        return _TRAILING.sub("", self.text)

    @property
    def greets(self) -> bool:
        """Whether it only greets or says who is speaking."""
        return _GREETS.fullmatch(self.words) is not None

    @property
    def leads(self) -> bool:
        """Whether it opens a reply without saying anything yet: a greeting, a name, 好的."""
        return _LEAD.fullmatch(self.words) is not None

    @property
    def takes_leave(self) -> bool:
        """Whether it belongs at the end: thanks, farewell, the offer of more help."""
        return _LEAVE.fullmatch(self.words) is not None

    @property
    def has_feeling(self) -> bool:
        """Whether it apologises or shows that the customer is understood."""
        return _FEELING.search(self.text) is not None

    @property
    def may_answer(self) -> bool:
        """Whether it may tell the customer something, facts apart; false only for short empty talk."""
        return len(self.words) > _SHORT or _ANSWER.search(self.words) is not None

    @property
    def serves(self) -> bool:
        """Whether it speaks of business that the customer may need, facts apart; narrower than an answer."""
        return _SERVICE.search(self.words) is not None

    @property
    def continues(self) -> bool:
        """Whether it makes no sense without what stood before it."""
        return _CONTINUES.match(self.words) is not None or _CONSENT.fullmatch(self.words) is not None

    @property
    def assents(self) -> bool:
        """Whether it is only a word of assent, comfort or mockery on what stands beside it."""
        return _ASSENT.fullmatch(self.words) is not None or _JIBE.fullmatch(self.text) is not None

    @property
    def awaits(self) -> bool:
        """Whether it makes no sense without what stood after it."""
        return _AWAITS.match(self.words) is not None

    @property
    def promises(self) -> bool:
        """Whether it says what we do next."""
        return _PROMISE.search(self.text) is not None

    @property
    def is_frame(self) -> bool:
        """Whether it is greeting, sympathy or farewell, which stay beside whatever goes."""
        return self.leads or self.takes_leave or self.has_feeling

    @property
    def ends_sentence(self) -> bool:
        """Whether a sentence ends with it."""
        return _SENTENCE_END.search(self.text) is not None


@dataclass(frozen=True, slots=True)
class Joined:
    """A reply and where its pieces stand in it, in order."""

    text: str
    places: tuple[tuple[Span, Piece], ...]


def cut(draft: str) -> tuple[Piece, ...]:
    """Return the pieces of ``draft`` in order; empty for a blank draft.

    Gaps and texts together are the draft, but for blanks at its end.
    """
    pieces: list[Piece] = []
    end = 0
    clauses = split_clauses(draft, limit=max(1, len(draft)))
    bounds = [part for clause in clauses for part in _parts(clause.span)]
    for start, stop in _with_whole_quotes(draft, bounds):
        span = Span(start, stop, draft[start:stop])
        pieces.append(Piece(span.text, draft[end:start], span))
        end = stop
    return tuple(pieces)


def _with_whole_quotes(draft: str, bounds: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join what was cut within quotation marks."""
    within = {at for quote in QUOTED.finditer(draft) for at in range(quote.start() + 1, quote.end())}
    whole: list[tuple[int, int]] = []
    for start, stop in bounds:
        if whole and start in within:
            whole[-1] = (whole[-1][0], stop)
        else:
            whole.append((start, stop))
    return whole


def _parts(span: Span) -> list[tuple[int, int]]:
    """Cut at blanks between Chinese words; what has no word stays with the part before it."""
    bounds: list[tuple[int, int]] = []
    start = 0
    cuts = [match.span() for match in _BLANK.finditer(span.text)] + [(len(span.text), len(span.text))]
    for stop, after in cuts:
        if bounds and not any(char.isalnum() for char in span.text[start:stop]):
            bounds[-1] = (bounds[-1][0], stop)
        else:
            bounds.append((start, stop))
        start = after
    return [(span.start + first, span.start + last) for first, last in bounds]


def join(pieces: Sequence[Piece]) -> Joined:
    """Return the reply: sentences end where something new follows, nobody greets or is sorry twice."""
    told: list[Piece] = []
    sorry = greeted = False
    for piece in pieces:
        text = piece.text
        if piece.span is None:
            text = _SORRY_AGAIN.sub("", text) if sorry else text
            text = _LEADING_GREETING.sub("", text) if greeted else text
        sorry = sorry or _SORRY.search(text) is not None
        greeted = greeted or piece.greets or text.startswith("您好")
        told.append(replace(piece, text=text))
    text = ""
    places = []
    for number, piece in enumerate(told):
        following = told[number + 1] if number + 1 < len(told) else None
        after_new = number > 0 and told[number - 1].span is None and "\n" not in piece.gap
        gap = "" if after_new else piece.gap if text else piece.gap.lstrip()
        shown = _ended(piece, following)
        start = len(text) + len(gap)
        text += gap + shown
        places.append((Span(start, len(text), shown), piece))
    return Joined(text, tuple(places))


def _ended(piece: Piece, following: Piece | None) -> str:
    """Return the text of ``piece`` with the punctuation that what follows needs."""
    text = piece.text
    if following is not None and following.span is None and "\n" not in following.gap:
        return text if text[-1:] in _JOINERS and piece.leads else _close(text, "，" if piece.leads else "。")
    breaks = following is None or "\n" in following.gap
    return _close(text, "。") if piece.torn and breaks and text[-1:] in _JOINERS else text


def _close(text: str, mark: str) -> str:
    if text[-1:] in _JOINERS:
        return text[:-1] + mark
    return text + mark if text[-1:].isalnum() or text[-1:] in _CLOSERS else text
