"""The smallest discord.py bot that answers the same four commands.

It keeps nothing, asks for no intents, has no cache of messages and no log: every choice is in its favour. What Relais
does beside (a lease, a rate per user in the store, a fenced transaction for each change) it does not do.
"""

import os

import discord
import yarl
from discord import app_commands

# Where the library would speak to Discord, it speaks to the load server.
discord.http.Route.BASE = os.environ["BENCH_REST"] + "/api/v10"
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(os.environ["BENCH_GATEWAY"])

ZONES: dict[int, str] = {}
TAGS = {"rules": "Be kind to each other."}


class Bot(discord.Client):
    def __init__(self) -> None:
        super().__init__(intents=discord.Intents.none(), max_messages=None)
        self.tree = app_commands.CommandTree(self)

    async def setup_hook(self) -> None:
        await self.tree.sync()


bot = Bot()
tag = app_commands.Group(name="tag", description="Texts that this server keeps")
bot.tree.add_command(tag)


@bot.tree.command(name="help", description="What this bot can do")
async def help_(interaction: discord.Interaction) -> None:
    commands = "\n".join(f"/{c.name}: {c.description}" for c in bot.tree.get_commands())
    await interaction.response.send_message("What I can do:\n" + commands, ephemeral=True)


@bot.tree.command(name="timezone", description="See your time zone")
async def timezone(interaction: discord.Interaction) -> None:
    zone = ZONES.get(interaction.user.id)
    text = f"Your time zone is {zone}." if zone else "You have set no time zone, so times are read as UTC."
    await interaction.response.send_message(text, ephemeral=True)


@tag.command(name="get", description="Show a text")
async def get(interaction: discord.Interaction, name: str) -> None:
    text = TAGS.get(name, "No tag named so.")
    await interaction.response.send_message(text, allowed_mentions=discord.AllowedMentions.none())


@bot.tree.command(name="status", description="How the bot is")
async def status(interaction: discord.Interaction) -> None:
    await interaction.response.send_message("Site: laptop", ephemeral=True)


bot.run("a.token.for-a-benchmark", log_handler=None)
