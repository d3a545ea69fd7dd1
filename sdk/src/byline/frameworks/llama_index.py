# SPDX-License-Identifier: Apache-2.0
r"""LlamaIndex: a class of agents, or of workflows of agents, whose tool calls are watched.

    agent = watched(FunctionAgent, paths={"write_file": "path"})(name="coder", tools=[write_file], llm=llm)
    team = watched(AgentWorkflow)(agents=[planner, coder], root_agent="planner")      # its agents as they are

The step that calls a tool is watched: it knows the call's id, which is the model's own for function calling, and one that LlamaIndex
makes up for ReAct. The model is what the agent's `llm` says it is. A run is a session, also where it goes on with its `Context`. A call
that the rules for agents do not allow is answered as one that failed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from byline.errors import RefusedError
from byline.flow.tool_calls import ToolCalls
from byline.frameworks.extras import wanted

with wanted("llama-index"):
    from llama_index.core.agent.workflow import AgentWorkflow, ToolCall, ToolCallResult
    from llama_index.core.tools import ToolOutput
    from llama_index.core.workflow import Context, step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from byline.flow.tool_calls import Known
    from byline.flow.tools import PathsOf, StrPath

RUN = "byline_run"  # under this name a run's context keeps its id


def watched(kind: Any, *, paths: Mapping[str, PathsOf] | None = None, agent: str | None = None, root: StrPath | None = None) -> Any:
    """Return `kind`, a class of agents or `AgentWorkflow`, with its tool calls watched.

    The other arguments are those of `byline.flow.tool_calls.ToolCalls`.
    """
    calls = ToolCalls("llama-index", agent=agent, root=root, paths=paths)

    class Watched(kind):
        @step
        async def call_tool(self, ctx: Context, ev: ToolCall) -> ToolCallResult:
            """Call the tool, watched."""
            async with ctx.store.edit_state() as state:
                run = state.get(RUN) or os.urandom(16).hex()
                state[RUN] = run
            at_work = self
            if isinstance(self, AgentWorkflow):
                at_work = self.agents[await ctx.store.get("current_agent_name")]
            known: Known = {"call_id": ev.tool_id, "agent": at_work.name, "model": getattr(at_work.llm.metadata, "model_name", None)}
            known |= {"run": run, "prompt": await ctx.store.get("user_msg_str", default=None)}
            try:
                async with calls.awatch(ev.tool_name, ev.tool_kwargs, **known):
                    return await super().call_tool(ctx, ev)
            except RefusedError as refused:
                return _refused(ev, refused)

    Watched.__name__, Watched.__qualname__ = kind.__name__, kind.__qualname__
    return Watched


def _refused(ev: Any, refused: RefusedError) -> Any:
    told = ToolOutput(content=str(refused), tool_name=ev.tool_name, raw_input=ev.tool_kwargs, raw_output=None, is_error=True)
    return ToolCallResult(tool_name=ev.tool_name, tool_kwargs=ev.tool_kwargs, tool_id=ev.tool_id, tool_output=told, return_direct=False)
