require('infill_ls.maps').set()

vim.api.nvim_create_user_command('Infill', function(arguments)
  local lines = arguments.range > 0 and { arguments.line1, arguments.line2 } or nil
  require('infill_ls.commands').run(arguments.args, lines)
end, {
  nargs = '*',
  range = true,
  desc = 'infill-ls: implement, rewrite, toggle, pause, model, explain and more',
  complete = function(start, line)
    return require('infill_ls.commands').complete(start, line)
  end,
})

vim.api.nvim_create_autocmd('InsertEnter', {
  once = true,
  callback = function()
    if vim.lsp.is_enabled and vim.lsp.is_enabled('infill_ls') then
      require('infill_ls.health').warn_if_missing()
    end
  end,
})
