"""Rules that many want, ready to be named and saved."""

import msgspec

from watchbell.domain.events.rules.rule import Bound, Measure, Rule


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """A rule to start from."""

    id: str
    title: str
    about: str
    rule: Rule


PRESETS: tuple[Preset, ...] = (
    Preset(
        id="checkout-stopped",
        title="Checkout stopped",
        about="Fewer checkouts than at this hour in former weeks; until five days are known nothing is judged.",
        rule=Rule(
            name="checkout stopped",
            filter={"event_type": "checkout"},
            window_s=300,
            bound=Bound.BELOW,
            learn=True,
            fire_after=2,
            severity="critical",
            resource="shop",
            event="CheckoutStopped",
        ),
    ),
    Preset(
        id="javascript-errors",
        title="JavaScript errors up",
        about="More errors for each page view than at this hour in former weeks. The tag must report errors.",
        rule=Rule(
            name="JavaScript errors up",
            measure=Measure.RATIO,
            filter={"event_type": "error"},
            of_filter={"event_type": "pageView"},
            at_least=50,
            window_s=300,
            bound=Bound.ABOVE,
            learn=True,
            fire_after=2,
            resource="pages",
            event="JavaScriptErrors",
        ),
    ),
    Preset(
        id="pages-slow",
        title="Pages slow",
        about="One page view in four takes more than 2.5 s to its largest paint. The tag must report vitals.",
        rule=Rule(
            name="pages slow",
            measure=Measure.PERCENTILE,
            filter={"event_type": "vitals"},
            field="parameters.lcp",
            percentile=75,
            at_least=20,
            window_s=300,
            bound=Bound.ABOVE,
            threshold=2500,
            fire_after=2,
            recover_after=2,
            severity="minor",
            resource="pages",
            event="PagesSlow",
        ),
    ),
)
"""The event types `error` and `vitals` are what the tag sends when asked to."""
