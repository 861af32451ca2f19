"""Drafts that must and must not fire each check.

The numbers are made up; card and identity numbers only satisfy their checksums.
"""

from dataclasses import dataclass

from reviewer.types import Conversation, Stage, Turn


@dataclass(frozen=True, slots=True)
class Example:
    """A draft in its situation; ``rule`` is what must fire, empty when nothing may."""

    draft: str
    rule: str = ""
    customer: str = ""
    history: tuple[Turn, ...] = ()
    stage: Stage = "middle"
    identity_verified: bool | None = None
    facts: tuple[str, ...] = ()
    public: tuple[str, ...] = ()

    def conversation(self) -> Conversation:
        return Conversation(
            draft=self.draft,
            customer=self.customer,
            history=self.history,
            stage=self.stage,
            identity_verified=self.identity_verified,
            facts=self.facts,
        )


@dataclass(frozen=True, slots=True)
class CheckExamples:
    fires: tuple[Example, ...]
    silent: tuple[Example, ...]


def said(text: str) -> tuple[Turn, ...]:
    return (Turn("customer", text),)


def _opening(draft: str, rule: str = "", history: tuple[Turn, ...] = ()) -> Example:
    return Example(draft, rule, stage="opening", history=history)


def _closing(draft: str, rule: str = "") -> Example:
    return Example(draft, rule, stage="closing")


_IDENTITY = CheckExamples(
    fires=(
        Example("他的身份证号是11010519491231002X，您记一下。", "E01"),
        Example("证件号：１１０１０１１９９００３０７００１１", "E01"),
        Example("登记的是110101 1990 0307 0011这位", "E01"),
        Example("户主证件310101-19850512-123x，您去派出所报这个就行", "E01"),
        Example("她的身分證號碼是44030019920815456X喔", "E01"),
        Example("1101011990\u200b03070011就是机主的", "E01"),
        Example("查到了，投保人310101 19850512 123X，受益人11010519491231002X。", "E01"),
        Example("身份证①①0101199003070011", "E01"),
        Example("好的，11010519491231002X对吧", "E01", customer="我身份证后四位002X"),
    ),
    silent=(
        Example("您的证件号110***********0011已核对。"),
        Example("请您核对：11010519491231002X，对吗？", customer="我的号是11010519491231002x"),
        Example("收到，110101199003070011已登记。", history=said("110101 1990 0307 0011")),
        Example("您本人的证件号是110101199003070011。", identity_verified=True),
        Example("证件号110101199003070012填错了一位"),
        Example("您的订单号是110101199003070011，已经发出。"),
        Example("运单11010119900307001188正在派送"),
        Example("请您提供证件号后四位，例如0011。"),
        Example("证件号110101199002300011的日期不存在"),
        Example("样例证件号11010519491231002X", facts=("样例证件号为11010519491231002X",)),
        Example("设备序列号AB110101199003070011"),
    ),
)

_CARDS = CheckExamples(
    fires=(
        Example("小王的工资卡号是6222021234567890128，您打到这张卡就行。", "E01"),
        Example("卡号：６２１７００００５５６６３３９３", "E01"),
        Example("她的卡是6217 0000 5566 3393，东门支行开的户", "E01"),
        Example("銀行卡號6225-8801-2345-6783，戶主是他太太", "E01"),
        Example("对方收款账户4111111111111111", "E01"),
        Example("您说的那位持卡人，6228480123456789\u200b18", "E01"),
        Example("尾号前面是9558801234567890128", "E01", customer="他的银行卡号完整的报给我"),
        Example("信用卡5460000000000002和3566002020360505都在他名下", "E01"),
        Example("就是这张：6 2 1 7 0 0 0 0 5 5 6 6 3 3 9 3", "E01", customer="她绑的哪张卡"),
    ),
    silent=(
        Example("您尾号3393的银行卡已扣款成功。"),
        Example("卡号6217************93已核对"),
        Example("您看是6217000055663393这张卡吗？", customer="卡号6217 0000 5566 3393"),
        Example("您名下的卡6217000055663393已激活。", identity_verified=True),
        Example("银行卡6217000055663394输入有误"),
        Example("退款单号6222021234567890128，款项原路退回银行卡。"),
        Example("订单4111111111111111已付款，三天内退到原卡"),
        Example("请汇到我司对公账户6222021234567890128。"),
        Example("户名青禾物业有限公司，账号6222021234567890128"),
        Example("合同编号6217000055663393，请您存好"),
        Example("6217000055663393号设备已经上线"),
        Example("物联网卡SIM卡号6222021234567890128已开通"),
        Example("公示收款账户6222021234567890128", facts=("收款账户6222 0212 3456 7890 128",)),
    ),
)

_PHONES = CheckExamples(
    fires=(
        Example("维修班的小葛手机是13812340098，您直接打给他。", "E02"),
        Example("安装师傅電話１３８１２３４００９８，您聯繫他", "E02"),
        Example("队长的号码1 3 8 1 2 3 4 0 0 9 8，您打过去问", "E02"),
        Example("您记一下，老魯手机199-8123-4009", "E02"),
        Example("财务梅姐分机3302，您自己问她吧。", "E02"),
        Example("库房内线6021，您打这个", "E02"),
        Example("化验组直线021-62345678，找吴主任", "E02"),
        Example("骑手的电话是16612340098，您催他", "E02"),
        Example("吴主任办公室座机0755-88120098，您直接打", "E02"),
        Example("队长电话一三八一二三四零零九八", "E02"),
        Example("阿芸今天调休，她手机是13812340098", "E02", customer="帮我叫下阿芸"),
        Example("号码给您：13812340098，您打给他问进度", "E02", customer="上次是小郭接的单"),
        Example("北仓老鲍13812340098，南仓阿祥13912340098，您都可以打", "E02"),
        Example("我的私人手机13812340098，有事您打我", "S07"),
        Example("您记下我手机：1️⃣3️⃣8️⃣12340098", "S07"),
    ),
    silent=(
        Example("客服经理值班电话13812340098", public=("138-1234-0098",)),
        Example("师傅电话13812340098，对外公开的", facts=("维修师傅统一电话 138 1234 0098",)),
        Example("您看打13812340098给您回电方便吗？", customer="我电话13812340098"),
        Example("您预留的手机号是13812340098，对吗？"),
        Example("陈师傅会拨打13812340098联系您，请保持畅通。"),
        Example("您可以拨打客服热线400-812-0098。"),
        Example("请您联系运营商热线10086或拨打12315。"),
        Example("银行客服95588可以查询，号码查询请拨114。"),
        Example("派送员已取件，运单号13812340098。"),
        Example("业主刘女士的电话是13812340098。"),
        Example("同车乘客的手机13812340098"),
        Example("师傅手机138****0098，他会联系您"),
        Example("总机021-62345678转8801是技术部。"),
        Example("物业办公室电话0755-88120098，工作日有人接。"),
        Example("门店前台电话0755-88120098，地址在环湖路"),
        Example("经理已批准，金额13812340098个积分"),
        Example("老人卡的办理流程是第一步13步"),
        Example("师傅的号码不便提供，请您留下电话，我转给他。"),
        Example("您的编号13812340098，经理会跟进。"),
        Example("主管稍后用座机给您回电，请您放心。"),
    ),
)

_ACCOUNTS = CheckExamples(
    fires=(
        Example("我微信是linzi_0321，您加我。", "S07", customer="小姐姐微信多少"),
        Example("可以呀，我的ＱＱ号是７７２３１０", "S07", customer="给个QQ呗"),
        Example("我個人微信：mu_mu88，備註一下就行", "S07", customer="怎麼稱呼你"),
        Example("您加我VX abc99881，方便联系", "S07"),
        Example("我 私 人 微 信 是 tt_9901", "S07", customer="加个微信吧"),
        Example("她微信hetang_09，您找她报修", "E02", customer="小荷还在吗"),
        Example("维修班师傅微信是zhang_shifu66", "E02"),
        Example("您加我微信ke_1198，钱转我就行", "E03", customer="能便宜点吗"),
        Example("加我vx_tb88612，私下给您便宜三百", "E03", customer="还有优惠吗"),
    ),
    silent=(
        Example("您可以关注官方公众号，微信搜索qinghe_fuwu。"),
        Example("我们企业微信是qinghe888，工作时间在线。"),
        Example("抱歉，我的微信不便提供，您凭工号就能找到我。", customer="加个微信"),
        Example("您的微信号linzi_0321已经登记。", customer="我微信linzi_0321"),
        Example("您可以用微信支付，也可以用QQ钱包付款。"),
        Example("资料请发到service123@qq.com。"),
        Example("请不要加我微信abc99881，这是冒充的。"),
        Example("客服微信qinghe_kf01，公示在官网。"),
        Example("微信小程序qinghe2024里能查进度"),
        Example("团队的微信是qinghe_team", facts=("服务微信 qinghe_team",)),
        Example("您加的“我微信abc99881”不是我们的账号。"),
    ),
)

_RED_LINES = CheckExamples(
    fires=(
        Example("你是不是有病？天天来问。", "A05"),
        Example("神經病，別再打來了", "A05"),
        Example("您脑 子 进 水了吧，这都不会", "A05"),
        Example("赶紧滚，别占线", "A05"),
        Example("就您这素质还来投诉", "A05"),
        Example("您爱投诉就投诉，随便", "A05"),
        Example("有本事您去曝光啊", "A05"),
        Example("再闹我找人上门收拾你", "A05"),
        Example("您的地址电话都在我手里，发之前掂量一下", "A05"),
        Example("定金先转我个人微信，我给您留货。", "E03"),
        Example("您微信转我２０，我帮您改", "E03"),
        Example("加我支付宝，把钱直接轉我就行", "E03"),
        Example("尾款打到我卡上，比走公司快", "E03"),
        Example("您给我发个红包，我让师傅先去您家", "E03"),
        Example("您写个五星带图好评，截图给我，我返您10元红包", "E03"),
        Example("打个满分好评嘛，自己掏腰包返您八块", "E03"),
        Example("我保证给您全额赔偿，一分不少。", "D02"),
        Example("我做主给您免三个月月费", "D02"),
        Example("这只稳赚不赔，您放心买", "D02"),
        Example("我跟您打包票，贷款一定批下来", "D02"),
    ),
    silent=(
        Example("请您不要私下转账给个人，谨防上当受骗。"),
        Example("我们从不以好评返现，请您按真实感受评价。"),
        Example("您反映师傅骂您“神经病”，非常抱歉，我马上核实。"),
        Example("听到骑手说您活该，我们非常抱歉。"),
        Example("如果有人让您把钱转到个人微信，请立即举报。"),
        Example("凡是要您“钱直接转我”的，都是冒充客服的骗子。"),
        Example("糖尿病周围神经病变不在保障范围内。"),
        Example("请用滚开的水冲泡，再快速搅拌。"),
        Example("这款可以去死皮，眼周请避开。"),
        Example("您要不照照镜子看看佩戴效果？"),
        Example("请问您是否有病史？"),
        Example("您恶心头晕的话，建议先就医。"),
        Example("房间确实欠收拾，我马上安排保洁。"),
        Example("凭您这水平，直接报进阶班没问题。"),
        Example("您信不信我都会帮您查到底。"),
        Example("请您稍等，我帮您转我们主管。"),
        Example("请转我司对公账户，付款后把凭证发来。"),
        Example("具体费用打我电话就能问到。"),
        Example("资料一块转我这边登记就可以。"),
        Example("请您把付款截图转到我们的企业微信。"),
        Example("来电后直接转我12号专线。"),
        Example("系统已为您发放5元红包，请查收。"),
        Example("感谢您给的五星好评，祝您生活愉快。"),
        Example("商家承诺五星好评返您10元，这属于违规，我帮您登记。"),
        Example("您参加的好评返现是商家自行发起的，我们会核实。"),
        Example("我不能做主给您免单，已经上报主管审批。"),
        Example("我不敢跟您保证一定批下来，结果以审核为准。"),
        Example("凡承诺“稳赚不赔”的产品都不可信。"),
        Example("我给您查到保证金全额退还的记录了。"),
        Example("按破损包赔政策，可以全额退款或补发。"),
        Example("没有人说您不要脸，请您别误会。"),
        Example("系统有种告警灯，亮红色就是缺水。"),
        Example("《白痴》这本书目前有现货。"),
        Example("请别扫师傅的个人收款码，费用走公司。"),
    ),
)

_PROMISES = CheckExamples(
    fires=(
        Example("您的投诉15个工作日内给您回复。", "C07", customer="我要投诉"),
        Example("投诉组三天后首次联系您。", "C07", customer="我要投诉你们"),
        Example("您的投訴我們５个工作日内首次答復您", "C07"),
        Example("核查结果二 十 个工作日后答复您", "C07"),
        Example("处理周期是３０个工作日", "C07"),
        Example("半个月之后会有人回您。", "C07"),
        Example("我帮您查一下余额，两天后告诉您", "C07"),
        Example("查询结果后天告诉您，查询比较慢", "C07", customer="查下我的积分"),
        Example("一个半月内给您一个说法", "C07"),
        Example("这件事不超过十个工作日给您结果。", "C07"),
        Example("投诉已登记，4小时内首次给您回电。", "C07"),
    ),
    silent=(
        Example("投诉我来跟进，2小时内首次回复您，1个工作日内告诉您结果。", customer="投诉"),
        Example("属于复杂投诉，2小时内先联系您，7个工作日内给您处理结果。"),
        Example("投诉三天内给您处理结果，您看可以吗？", customer="我要投诉"),
        Example("退款15个工作日内到账，到账会短信通知您。"),
        Example("退款3-15个工作日原路退回，请您留意。"),
        Example("快递预计20天送达，派送前会联系您。"),
        Example("维修需要十五个工作日，修好后通知您。"),
        Example("师傅两天后上门，出发前联系您。"),
        Example("都20个工作日了还没回复您，实在抱歉。"),
        Example("您30天前的投诉已经答复您了。"),
        Example("请您30天内联系我们办理。"),
        Example("如30天内没有回复您，您可以拨打热线。"),
        Example("之前同事答应您20个工作日回复您，确实太久了。"),
        Example("您说的“20个工作日才回复”，我马上核实。"),
        Example("我帮您查一下，15分钟内回复您。"),
        Example("核实需要时间，2小时内给您回电。"),
        Example("鉴定需要20个工作日，出结果后通知您。"),
        Example("会员有效期一个月，到期前三天提醒您。"),
        Example("我们不会让您等20个工作日才答复您。"),
        Example("过几天联系您。"),
        Example("六月份的账单已经通知您了。"),
        Example("您提的30天无理由退货，我查到结果告诉您。"),
    ),
)

_GREETING = CheckExamples(
    fires=(
        _opening("可以的，这款有货。", "C01"),
        _opening("什么事？", "C01"),
        _opening("把单号发我看看。", "C01"),
        _opening("那個已經賣完了喔", "C01"),
        _opening("２００元一次，要办吗", "C01"),
        _opening("您先报一下手机尾号。", "C01"),
        _opening("打错了，看清楚再拨。", "C01"),
        _opening("实在抱歉，麻烦您说一下楼栋和房号。", "C01", said("喂，楼上漏水了")),
    ),
    silent=(
        _opening("您好，这里是青禾物业客服，很高兴为您服务。"),
        _opening("您 好 ，請問有什麼可以幫您？"),
        _opening("晚上好，青禾客服1024号为您服务。"),
        _opening("青禾物业客服，请问您要报修吗？"),
        _opening("Ｈｅｌｌｏ，亲，有货的"),
        _opening("在的，亲，您请说"),
        _opening("感谢您的来电，请问是哪个小区？"),
        _opening("可以的，这款有货。", history=(Turn("agent", "您好，欢迎光临"),)),
        Example("可以的，这款有货。"),
        Example("可以的，这款有货。", stage="unknown"),
        Example("行了，就这样。", stage="closing", customer="好"),
        _opening("  "),
    ),
)

_CLOSING = CheckExamples(
    fires=(
        _closing("行了，就这样。", "C08"),
        _closing("弄好了，我挂了。", "C08"),
        _closing("嗯，您等着就行。", "C08"),
        _closing("單子我關了，先這樣", "C08"),
        _closing("明天上午９点师傅会到。", "C08"),
        _closing("好的，给您结单了。", "C08"),
        _closing("您看页面上的规则就行。", "C08"),
        _closing("记下了，我这边还有电话要接。", "C08"),
    ),
    silent=(
        _closing("请问还有其他可以帮您的吗？"),
        _closing("感谢您的来电。"),
        _closing("好的，再見！"),
        _closing("祝 您 生 活 愉 快"),
        _closing("不客气，有需要随时联系我们。"),
        _closing("欢迎您下次再来。"),
        _closing("您还有什么需要吗"),
        _closing("辛苦您了，拜拜～"),
        Example("行了，就这样。"),
        Example("行了，就这样。", stage="unknown"),
        _closing("\n"),
    ),
)

_BRUSH_OFF = CheckExamples(
    fires=(
        Example("这个我不知道。", "A02"),
        Example("不清楚，你自己去问仓库。", "A02"),
        Example("没办法，就是这样规定的。", "A02"),
        Example("这事不归我们管。", "A02"),
        Example("我也不晓得什么时候到。", "A02"),
        Example("這個不歸我管", "A02"),
        Example("不 清 楚 呢", "A02"),
        Example("下雨天我们也管不了骑手的呀", "A02"),
    ),
    silent=(
        Example("我不清楚具体原因，帮您查一下，10分钟内回复您。"),
        Example("这个不归我们管，建议您拨打运营商热线。"),
        Example("抱歉，这个我暂时不知道。"),
        Example("您说的“没办法”我理解。"),
        Example("骑手说不知道门牌号。"),
        Example("沒辦法現場改，我給您登記，明天10點前答覆。"),
        Example("不好意思，这款没办法开专票。"),
        Example("好的，马上处理。"),
    ),
)

_FAMILIAR = CheckExamples(
    fires=(
        Example("你等一下。", "A01"),
        Example("那你把单号发过来吧", "A01"),
        Example("你自己看下说明书不就知道了", "A01"),
        Example("已经给你退了，3天到账。", "A01"),
        Example("這個你要去官網辦", "A01"),
        Example("你 先 付 款", "A01"),
        Example("你的订单还没发。", "A01"),
        Example("帮你备注好了哈", "A01"),
    ),
    silent=(
        Example("你好，请稍等。"),
        Example("您好，我帮您看看。"),
        Example("你们小区今天停水到18点。"),
        Example("请您稍等，给你查到了。"),
        Example("短信里写着“你已订阅”，对吗？"),
        Example("好的，马上发货。"),
        Example("亲，在的呢"),
        Example("妳好，請稍等。"),
    ),
)

_ENDEARMENTS = CheckExamples(
    fires=(
        Example("亲爱的，今天能发哦", "A08"),
        Example("好哒亲爱滴，小妹这就去看", "A08"),
        Example("宝子们放心冲", "A08"),
        Example("亲亲，这边给您查到了", "A08"),
        Example("么么哒，收到啦", "A08"),
        Example("妹子这边帮您催一下", "A08"),
        Example("親愛噠，已經安排了", "A08"),
        Example("小仙女，您的快递到了", "A08"),
    ),
    silent=(
        Example("亲，在的呢"),
        Example("亲爱的用户：系统将于今晚维护。"),
        Example("宝宝入口的东西，我帮您核对成分。"),
        Example("老人家用着方便。"),
        Example("您说“亲爱的”让您不舒服，非常抱歉。"),
        Example("您好，很高兴為您服務。"),
        Example("您妹妹的订单需要她本人核实。"),
        Example("这款亲肤面料不起球。"),
    ),
)

EXAMPLES: dict[str, CheckExamples] = {
    "identity_numbers": _IDENTITY,
    "bank_cards": _CARDS,
    "phone_numbers": _PHONES,
    "personal_accounts": _ACCOUNTS,
    "red_line_phrases": _RED_LINES,
    "brush_off": _BRUSH_OFF,
    "familiar_address": _FAMILIAR,
    "endearments": _ENDEARMENTS,
    "time_promises": _PROMISES,
    "greeting": _GREETING,
    "closing": _CLOSING,
}
