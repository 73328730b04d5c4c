"""Web Push: a knock on a locked phone, where the browser's maker offers a way. A bonus, and treated as one.

Nothing waits for it and nothing is decided by it: every order, nudge and escalation goes its way whether or not a
push arrives. What it carries says that there is something and which order it is; never about whom, where or what.

- `wanted`: the effect of kind `push`, and whose devices an order concerns
- `endpoint`: which addresses may be spoken to at all
- `message`: one sealed message, through the `webpush` package
- `sender`: one message to one service, and what came of it
- `pusher`: the effects performed, beside everything else, with patience and an end to it
"""
