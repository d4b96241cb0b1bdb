-- usage: nvim -l annotations.lua CHECKER FOLDER: check the type annotations of all Lua files in FOLDER.
--
-- CHECKER is a language server that reads the annotations of LuaLS, and FOLDER/.luarc.json. Any
-- diagnostic is an error. Neovim's own types are those of the Neovim that runs this.

local checker, folder = arg[1], vim.fn.fnamemodify(arg[2], ':p:h')
local TIMEOUT_MS = 120000 -- only ever reached when something hangs

local indexed = false
local id = assert(vim.lsp.start({
  name = 'checker',
  cmd = { checker },
  root_dir = folder,
  handlers = {
    ['$/progress'] = function(_, progress)
      indexed = indexed or progress.value.kind == 'end'
    end,
  },
}, { attach = false }))
local client = assert(vim.lsp.get_client_by_id(id))
assert(
  vim.wait(TIMEOUT_MS, function()
    return indexed
  end, 20),
  'the checker does not come to the end of its indexing'
)

local files = vim.fs.find(function(name)
  return vim.endswith(name, '.lua')
end, { path = folder, type = 'file', limit = math.huge })
local problems = 0
for _, file in ipairs(files) do
  local document = { uri = vim.uri_from_fname(file) }
  local answer =
    assert(client:request_sync('textDocument/diagnostic', { textDocument = document }, TIMEOUT_MS))
  assert(not answer.err, vim.inspect(answer.err))
  for _, diagnostic in ipairs(answer.result.items) do
    problems = problems + 1
    local line = diagnostic.range.start.line + 1
    io.write(('%s:%d: %s [%s]\n'):format(file, line, diagnostic.message, diagnostic.code))
  end
end
client:stop(true)
io.write(('annotations: %d files, %d problems\n'):format(#files, problems))
os.exit((problems > 0 or #files == 0) and 1 or 0)
