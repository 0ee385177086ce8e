"""Dash apps of django-plotly-dash: one with our Pipe, one with the former, the layout otherwise alike."""

import dpd_components
from dash import Input, Output, dcc, html
from django_plotly_dash import DjangoDash

import dash_pipe


def page(name, pipe):
    app = DjangoDash(name, serve_locally=True)
    app.layout = html.Div([pipe, html.Div(id="heard", children="nothing"), dcc.Store(id="calls")])

    @app.callback(Output("heard", "children"), [Input("pipe", "value")])
    def show(value):
        return f"heard {value}"


page("Ours", dash_pipe.Pipe(id="pipe", channel_name="jobs", label="progress"))
page("Former", dpd_components.Pipe(id="pipe", channel_name="jobs", label="progress", value=""))
