# Check the wheels beside this file and install them; see README.txt. Arguments are passed to install.py.
$wanted = (Get-Content -Raw (Join-Path $PSScriptRoot 'bundle.json') | ConvertFrom-Json).python
$script = Join-Path $PSScriptRoot 'install.py'
if (Get-Command py -ErrorAction SilentlyContinue) {
    & py "-$wanted" $script @args
    exit $LASTEXITCODE
}
if (Get-Command python -ErrorAction SilentlyContinue) {
    & python $script @args
    exit $LASTEXITCODE
}
[Console]::Error.WriteLine("install: Python $wanted was not found; nothing was installed")
exit 2
