"""In Development nobody is told, and runs of tests have links of their own."""


def rules(alert, plugins, config):
    if alert.event == "Broken rules":
        raise KeyError(alert.event)
    if alert.environment == "Development":
        return [plugins["normalise"], plugins["guard"]], {"NORMALISE_ENVIRONMENT": "Development"}
    return list(plugins.values())
