"""Apps of django-plotly-dash with our Pipe and theirs in one layout."""

import dpd_components
from dash import Input, Output, html
from django_plotly_dash import DjangoDash

import dash_pipe


def page(name, pipe):
    app = DjangoDash(name, serve_locally=True)
    app.layout = html.Div([pipe, html.Div(id="heard", children="nothing")])

    @app.callback(Output("heard", "children"), [Input("pipe", "value")])
    def show(value):
        return f"heard {value}"


page("Ours", dash_pipe.Pipe(id="pipe", channel_name="jobs", label="progress"))
page("Former", dpd_components.Pipe(id="pipe", channel_name="jobs", label="progress", value=""))
