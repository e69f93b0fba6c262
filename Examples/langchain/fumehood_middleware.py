# SPDX-License-Identifier: Apache-2.0
"""Middleware for LangChain agents: asks the door of `fumehood run --govern` before each tool that runs in this process.

    from langchain.agents import create_agent
    agent = create_agent(model, tools=[search], middleware=[FumehoodMiddleware()])

It asks. What holds is the cell: see README.md.
"""
import asyncio
import json
import os
import sys

from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import ToolMessage

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../python-client"))
from door import Denied, Door


def denied(call, no):
    """What the model reads in place of a result."""
    return ToolMessage(content=str(no), tool_call_id=call["id"], name=call["name"], status="error")


def shown(message, lease):
    """The result as the model may see it: without what is nobody's but the tool's, with what the door wants it to know."""
    if not isinstance(message, ToolMessage) or not isinstance(message.content, str):
        return message
    fields, content = lease.obligations.get("redact", []), message.content

    def taken(value):
        if isinstance(value, dict):
            return {name: "[redacted]" if name in fields else taken(inner) for name, inner in value.items()}
        return [taken(inner) for inner in value] if isinstance(value, list) else value

    if fields:
        try:
            content = json.dumps(taken(json.loads(content)))
        except ValueError:
            pass
    return message.model_copy(update={"content": "\n".join([content] + [f"note: {note}" for note in lease.notes])})


class FumehoodMiddleware(AgentMiddleware):
    """One door for all tools of an agent, each named `SERVER__tool`."""

    def __init__(self, server="agent", door=None):
        super().__init__()
        self.server, self.door = server, door or Door()

    def ask(self, call):
        return self.door.ask(f"{self.server}__{call['name']}", call["args"])

    def wrap_tool_call(self, request, handler):
        try:
            with self.ask(request.tool_call) as lease:
                return shown(handler(request), lease)
        except Denied as no:
            return denied(request.tool_call, no)

    async def awrap_tool_call(self, request, handler):
        asked = self.ask(request.tool_call)
        try:
            lease = await asyncio.to_thread(asked.__enter__)
        except Denied as no:
            return denied(request.tool_call, no)
        try:
            return shown(await handler(request), lease)
        finally:
            await asyncio.to_thread(asked.__exit__)
