"""C01: the first reply of a conversation neither greets nor says who is speaking.

Source: manual rule C01 (greet, name company or customer service, offer help). The check reports an
absence, so its hit has no span. It hits only when greeting, identity and offer of help are all
absent; a reply that has one of them is left to the grader, and so is a conversation in which the
agent's side has already written (an automatic greeting, for instance).

Which error is worse: C01 is minor and asks for a revision; a false hit on a reply that does greet
would cost trust, so the list of greetings is wide.
"""

import re

from reviewer.checks.subject import Subject
from reviewer.types import Hit

_GREETING = re.compile(
    r"[您你]好|好的?呀?,?[您你]好|早上好|早安|上午好|中午好|下午好|晚上好|节日好|新年好|欢迎|哈喽|哈啰|嗨|在的|hello|(?<![a-z])hi(?![a-z])"
    r"|(?:很?高兴|乐意|荣幸).{0,4}(?:服务|帮|为您)|感谢(?:您|你)?的?(?:致电|来电|咨询|联系|光临|关注)"
)
_IDENTITY = re.compile(
    r"这里是|这边是|(?<!家)客服|工号|\d号为您|为您服务|由我(?:来|为)|我是|小店|旗舰店|专卖店|店小二|小二|助理|小助手|专员为您"
)


def find_missing_greeting(subject: Subject) -> tuple[Hit, ...]:
    """Return one hit without span when an opening reply lacks every part of a greeting."""
    conversation = subject.conversation
    if conversation.stage != "opening" or any(turn.role == "agent" for turn in conversation.history):
        return ()
    text = subject.draft.text
    if not text.strip() or _GREETING.search(text) or _IDENTITY.search(text):
        return ()
    reason = "这是本次会话的第一句回复，草稿没有问候，也没有说明公司或客服身份就直接开始答复。"
    return (Hit("C01", (), reason),)
