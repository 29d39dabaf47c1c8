"""The kinds of run, a file each. Every one is `async def run(context: Context) -> Result`."""
