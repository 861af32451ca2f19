"""Whose number is it: the agent's, a colleague's, the customer's, a third party's, or public.

The nearest word before a number that names its holder decides. Works on folded text.
"""

import re
from dataclasses import dataclass
from typing import Literal, cast

HolderKind = Literal["agent", "colleague", "customer", "third", "public", "unknown"]

#: What a person's number is called, after the name: 小雅的私人手机.
CONTACT = (
    r"(?:的|她|他|,|:)?(?:私人|个人|工作|办公)?"
    r"(?:手机|电话|微信|薇信|vx|wx|v信|qq|联系方式|分机|直线|号码|1[3-9]\d)"
)
_SURNAMES = (
    "王李张刘陈杨黄赵周吴徐孙朱胡郭何林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘蒋蔡余杜叶魏苏吕丁任沈"
    "姚卢姜崔钟谭陆汪范廖石金韦贾夏付邹熊孟秦邱江尹薛阎段雷侯史陶黎贺顾毛郝龚邵钱严覃武戴莫孔汤"
)
_ROLE = (
    r"客户经理|理财经理|大堂经理|师傅|师父|工程师|技术员|技师|经理|主管|主任|班长|组长|队长|站长|店长"
    r"|科长|处长|部长|所长|总监|督导|负责人|同事|专员|安装工|维修工|装维|骑手|司机|快递员|配送员|派送员"
    r"|派件员|外卖员|教练|化妆师|摄影师|设计师|研究员|抄表员|保洁员|保安|柜员|值班|财务|仓库|后台"
)
_DEPARTMENT = (
    r"(?:维修|维保|研发|研究|技术|运营|采购|调度|化验|施工|安装|行政|人事|理赔|定损|风控|工程|检修|质检)"
    r"(?:部|组|班|室|处|科|队)"
)
_COLLEAGUE = (
    rf"{_ROLE}|{_DEPARTMENT}|[{_SURNAMES}]工(?={CONTACT})"
    rf"|[老小大阿](?!家|姨|人|板|客)[\u4e00-\u9fff](?={CONTACT})"
)
_AGENT = r"我的?(?:私人|个人|自己的?)?(?:手机|电话|微信|薇信|vx|wx|v信|qq|私号|号码?)|加我|打我|我叫"
_CUSTOMER = r"[您你](?:的|预留|登记|留|绑定|注册|现在|本人|这个|那个|自己|手机|电话|号码)|拨打您|打您|保持"
_THIRD = (
    r"预留|登记|业主|户主|房东|租客|机主|车主|号主|失主|卡主|乘客|旅客|收件|寄件|收货|买家|卖家|商家|客户"
    r"|顾客|会员|用户|邻居|住户|投保人|被保险人|持卡人|联系人|学员|老师|先生|女士|小姐|太太|夫人|阿姨|大爷"
    r"|本人|前夫|前妻|老公|老婆|丈夫|妻子|男友|女友|男朋友|女朋友|儿子|女儿|爸|妈|父亲|母亲|家属|孩子"
)
_PUBLIC = (
    r"热线|客服(?!小|专员|老|阿|经理|主管)|总机|总台|前台|官方|官网|服务台|服务电话|服务号|营业厅|大厅|公示"
    r"|公布|对外|监督|投诉电话|咨询电话|订[票餐房]电话|救援|报警|急救|医院|消防|公众号|企业|小程序"
    r"|[店公司单位门市](?:里|部)?的?(?:电话|座机)"
)
_CUES = re.compile(
    rf"(?P<customer>{_CUSTOMER})|(?P<agent>{_AGENT})|(?P<public>{_PUBLIC})|(?P<colleague>{_COLLEAGUE})|(?P<third>{_THIRD})"
)
_NICKNAME = re.compile(rf"{_ROLE}|{_DEPARTMENT}|阿(?!姨)[\u4e00-\u9fff]|[老小大][{_SURNAMES}]")
_THIRD_ANYWHERE = re.compile(_THIRD)
_LOOK_BACK = 60


@dataclass(frozen=True, slots=True)
class Holder:
    """Who a number belongs to and the offset at which the word that says so ends."""

    kind: HolderKind
    end: int


def nearest_holder(text: str, start: int) -> Holder:
    """Return the holder named last in the 60 characters before ``start``; ``unknown`` when none is."""
    last: re.Match[str] | None = None
    for cue in _CUES.finditer(text, max(0, start - _LOOK_BACK)):
        if cue.end() > start:
            break
        last = cue
    if last is None:
        return Holder("unknown", start)
    return Holder(cast("HolderKind", last.lastgroup), last.end())


def names_colleague(text: str) -> bool:
    """Whether ``text`` speaks of a colleague by role or nickname."""
    return _NICKNAME.search(text) is not None


def names_third_party(text: str) -> bool:
    """Whether ``text`` speaks of a customer or a relative other than the one being served."""
    return _THIRD_ANYWHERE.search(text) is not None
