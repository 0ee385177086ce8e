# AUTO GENERATED FILE - DO NOT EDIT

import typing  # noqa: F401
from typing_extensions import TypedDict, NotRequired, Literal # noqa: F401
from dash.development.base_component import Component, _explicitize_args
try:
    from dash.types import NumberType  # noqa: F401
except ImportError:
    # Backwards compatibility for dash<=4.1.0
    if typing.TYPE_CHECKING:
        raise
    NumberType = typing.Union[  # noqa: F401
        typing.SupportsFloat, typing.SupportsInt, typing.SupportsComplex
    ]

ComponentSingleType = typing.Union[str, int, float, Component, None]
ComponentType = typing.Union[
    ComponentSingleType,
    typing.Sequence[ComponentSingleType],
]


class Pipe(Component):
    """A Pipe component.
A Pipe listens on a channel of the server: what any Python code sends with
`send_to_pipe_channel(channel_name=..., label=..., value=...)` arrives here
as the property `value`, in every browser that has the page open, and fires
ordinary callbacks. It renders nothing.

Keyword arguments:

- id (string; optional):
    The id of this component, a string or (for pattern-matching
    callbacks) a dict.

- buffer_size (number; optional):
    How many messages may wait, for a slow callback or for `throttle`
    (default 1000). Beyond it the oldest are given up, and `n_gaps`
    counts that.

- channel_name (string; required):
    The channel to listen on: a name of 1 to 200 characters, as in
    `send_to_pipe_channel(channel_name=...)`. A callback may change
    it.

- disabled (boolean; optional):
    True: don't listen (default False). Back to False is a new start:
    what was sent meanwhile does not come, unless `replay` asks for
    it.

- label (string | list of strings; optional):
    Which messages of the channel to take: the name of one label, a
    list of at most 32 labels, or nothing for every label. A callback
    may change it.

- last_gap (dict; optional):
    The last loss: `from` is the offset of the last message before it,
    `to` that of the last lost message (None where that can't be
    known), and `cause` is `window` (away for longer than the server
    keeps messages), `epoch` (the server began its count anew) or
    `buffer` (more messages waited than `buffer_size`).

    `last_gap` is a dict with keys:

    - from (number; required)

    - to (number; optional)

    - cause (a value equal to: 'window', 'epoch', 'buffer'; required)

- messages (list of dicts; optional):
    Every message of this update, in the order of the channel: a list
    of dicts with `channel_name`, `label`, `value`, `offset` (the
    number of the message in its channel) and `time` (in seconds since
    1970, on the server's clock). While a callback of this Pipe is
    running, messages wait here for the next update; none is skipped.

    `messages` is a list of dicts with keys:

    - channel_name (string; required)

    - label (string; required)

    - value (boolean | number | string | dict | list; required)

    - offset (number; required)

    - time (number; required)

- n_gaps (number; optional):
    How many times messages for this Pipe were lost for good so far.

- n_messages (number; optional):
    How many messages have arrived so far, like `n_clicks` of a
    button. It changes with every update.

- replay (number; optional):
    How many past messages of each label to deliver when this Pipe
    begins to listen, from 0 (default: only what is new) to 1000. With
    1 a page starts from the current state.

- status (a value equal to: 'connecting', 'open', 'polling', 'closed', 'denied'; optional):
    How the connection is: `connecting`, `open`, `polling` (open, but
    without a websocket), `closed` (disabled), or `denied` (refused:
    the console of the browser says why).

- throttle (number; optional):
    The least time between two updates, in milliseconds (default 0).
    Messages that arrive sooner wait for the next update; none is
    skipped.

- token (string; optional):
    A signed permission to listen on this channel, where the server
    asks for one. A callback may change it; the place in the channel
    is kept.

- url (string; optional):
    The address of the dash-pipe endpoint, when it is not `_pipe/ws`
    below the address of this app: a path, or an address with `ws:`,
    `wss:`, `http:` or `https:`; or `dpd:` for the socket that a page
    of django-plotly-dash has.

- value (boolean | number | string | dict | list; optional):
    The value of the newest message: whatever JSON the server sent.
    The usual Input of a callback; it fires for every update, also
    when the same value is sent twice. Several messages can arrive in
    one update: where each of them counts, read `messages`. (A `Patch`
    sent as a value is found in `messages` only.)."""
    _children_props: typing.List[str] = []
    _base_nodes = ['children']
    _namespace = 'dash_pipe'
    _type = 'Pipe'
    Messages = TypedDict(
        "Messages",
            {
            "channel_name": str,
            "label": str,
            "value": typing.Any,
            "offset": NumberType,
            "time": NumberType
        }
    )

    LastGap = TypedDict(
        "LastGap",
            {
            "from": NumberType,
            "to": NotRequired[NumberType],
            "cause": Literal["window", "epoch", "buffer"]
        }
    )


    def __init__(
        self,
        id: typing.Optional[typing.Union[str, dict]] = None,
        channel_name: typing.Optional[str] = None,
        label: typing.Optional[typing.Union[str, typing.Sequence[str]]] = None,
        value: typing.Optional[typing.Any] = None,
        messages: typing.Optional[typing.Sequence["Messages"]] = None,
        n_messages: typing.Optional[NumberType] = None,
        status: typing.Optional[Literal["connecting", "open", "polling", "closed", "denied"]] = None,
        n_gaps: typing.Optional[NumberType] = None,
        last_gap: typing.Optional["LastGap"] = None,
        replay: typing.Optional[NumberType] = None,
        throttle: typing.Optional[NumberType] = None,
        buffer_size: typing.Optional[NumberType] = None,
        disabled: typing.Optional[bool] = None,
        url: typing.Optional[str] = None,
        token: typing.Optional[str] = None,
        **kwargs
    ):
        self._prop_names = ['id', 'buffer_size', 'channel_name', 'disabled', 'label', 'last_gap', 'messages', 'n_gaps', 'n_messages', 'replay', 'status', 'throttle', 'token', 'url', 'value']
        self._valid_wildcard_attributes =            []
        self.available_properties = ['id', 'buffer_size', 'channel_name', 'disabled', 'label', 'last_gap', 'messages', 'n_gaps', 'n_messages', 'replay', 'status', 'throttle', 'token', 'url', 'value']
        self.available_wildcard_properties =            []
        _explicit_args = kwargs.pop('_explicit_args')
        _locals = locals()
        _locals.update(kwargs)  # For wildcard attrs and excess named props
        args = {k: _locals[k] for k in _explicit_args}

        for k in ['channel_name']:
            if k not in args:
                raise TypeError(
                    'Required argument `' + k + '` was not specified.')

        super(Pipe, self).__init__(**args)

setattr(Pipe, "__init__", _explicitize_args(Pipe.__init__))
