# SPDX-License-Identifier: Apache-2.0
"""Adapters for the frameworks that agents are built with: one module for each, thin, imported only where it is used.

    pip install 'byline[langchain]'

    from byline.frameworks.langchain import BylineMiddleware

    agent = create_agent(model, tools, middleware=[BylineMiddleware(paths={"write_file": "path"})])

Each tells `byline.flow.tool_calls` what its framework knows of a tool call: the tool, its arguments, the call's id, the agent, the
model, the run. docs/frameworks.md says of each what is exact and what is lost.
"""
