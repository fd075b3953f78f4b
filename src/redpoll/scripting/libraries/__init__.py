"""The libraries that scripts find besides Lua's own: cjson, cmsgpack, bit and struct."""
