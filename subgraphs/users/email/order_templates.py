"""What e-mails about orders say: each as plain text, and the same as HTML without pictures, links or scripts."""

from html import escape

from subgraphs.users.domain.email import EmailKind, OrderNotice
from subgraphs.users.email.templates import Text

# Subject, then what happened. {number} and {amount} are the order's, {tracking} a sentence or nothing.
_TEXTS = {
    EmailKind.ORDER_CONFIRMED: (
        "Your order {number}",
        "thank you for your order {number}. It comes to {amount}, and what you chose is set aside for you until it is paid.",
    ),
    EmailKind.ORDER_PAID: (
        "Your payment for order {number}",
        "your payment of {amount} for order {number} has arrived. We tell you as soon as the parcel is on its way.",
    ),
    EmailKind.ORDER_SHIPPED: (
        "Your order {number} is on its way",
        "your order {number} has left our house.{tracking}",
    ),
    EmailKind.ORDER_DELIVERED: (
        "Your order {number} has arrived",
        "your order {number} was delivered. We hope that you enjoy it.",
    ),
    EmailKind.ORDER_REJECTED: (
        "Your order {number} could not be filled",
        "we are sorry: what you chose for order {number} is no longer in stock in that quantity. You were charged nothing.",
    ),
    EmailKind.ORDER_EXPIRED: (
        "Your order {number} has expired",
        "your order {number} was not paid in time, so what was set aside for you is for sale again. You were charged nothing.",
    ),
    EmailKind.ORDER_CANCELLED: (
        "Your order {number} is cancelled",
        "your order {number} is cancelled. What you had paid for it goes back to you.",
    ),
    EmailKind.ORDER_REFUNDED: (
        "A refund for your order {number}",
        "we have sent {amount} for order {number} back to where you paid from. Your bank may take a few days to show it.",
    ),
}
_PAGE = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{subject}</title></head>
<body style="font-family: sans-serif; line-height: 1.5; color: #222; max-width: 36em">
<p>Hello,</p>
<p>{text}</p>
</body>
</html>
"""


def order_text(kind: EmailKind, order: OrderNotice) -> Text:
    subject, sentence = _TEXTS[kind]
    tracking = f" The number of the parcel is {order.tracking_number}." if order.tracking_number else ""
    words = {
        "number": order.number,
        "amount": f"{order.amount.decimal()} {order.amount.currency}",
        "tracking": tracking,
    }
    text = sentence.format(**words)
    subject = subject.format(**words)
    return Text(
        subject,
        f"Hello,\n\n{text}\n",
        html=_PAGE.format(subject=escape(subject), text=escape(text)),
    )
