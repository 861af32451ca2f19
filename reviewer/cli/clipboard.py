"""Puts a rewrite on the clipboard, with the optional package pyperclip."""

from reviewer.schema import Review


def copy_rewrite(review: Review) -> str:
    """Copy the rewrite when it is verified; return one line that says what happened."""
    rewrite = review.rewrite
    if rewrite.status != "verified":
        return "没有复制：没有通过核对的改写。"
    try:
        import pyperclip
    except ImportError:
        return "没有复制：未安装 pyperclip；请运行 pip install 'reviewer[copy]'。"
    try:
        pyperclip.copy(rewrite.text)
    except pyperclip.PyperclipException:
        return "没有复制：这台机器没有可用的剪贴板；Linux 上请安装 xclip 或 wl-clipboard。"
    if rewrite.placeholders:
        return f"已复制；发送前请填写 {'、'.join(rewrite.placeholders)}。"
    return "已复制。"
