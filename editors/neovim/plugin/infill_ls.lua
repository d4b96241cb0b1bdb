vim.api.nvim_create_user_command('Infill', function(arguments)
  require('infill_ls.commands').run(arguments.args)
end, {
  nargs = '*',
  desc = 'infill-ls: toggle, pause, model, explain and more',
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
