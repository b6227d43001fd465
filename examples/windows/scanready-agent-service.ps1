# Make a service of the agent of a fleet, with NSSM (https://nssm.cc), whose rules know exit codes. Run it as an administrator.
$ErrorActionPreference = 'Stop'
$nssm = 'C:\scanready\nssm.exe'
$data = 'C:\ProgramData\scanready'
$account = 'NT SERVICE\scanready-agent'
$arguments = 'fleet agent --name proxy-win1 --broker amqps://broker.corp --allow 10.0.0.0/8 --ca-file C:\scanready\ca.pem ' +
    '--password-from file:C:\scanready\broker.txt --store C:\ProgramData\scanready\agent.db ' +
    '--journal C:\ProgramData\scanready\runs.db'

# Windows PowerShell does not stop at the exit code of a program.
function Invoke-Program {
    & $args[0] $args[1..($args.Count - 1)]
    if ($LASTEXITCODE -ne 0) { throw "$($args -join ' ') ended with $LASTEXITCODE" }
}

New-Item -ItemType Directory -Force $data | Out-Null
Invoke-Program $nssm install scanready-agent 'C:\scanready\Scripts\scanready.exe'
Invoke-Program $nssm set scanready-agent AppParameters $arguments
Invoke-Program $nssm set scanready-agent AppDirectory $data
Invoke-Program $nssm set scanready-agent Start SERVICE_DELAYED_AUTO_START
# The agent is started again after 30 seconds.
Invoke-Program $nssm set scanready-agent AppExit Default Restart
Invoke-Program $nssm set scanready-agent AppRestartDelay 30000
# The broker refused the password, for example. A second try would present it again, and may lock the account.
Invoke-Program $nssm set scanready-agent AppExit 2 Exit
# Ctrl-C ends the agent within 45 seconds.
Invoke-Program $nssm set scanready-agent AppStopMethodConsole 60000
Invoke-Program $nssm set scanready-agent AppStdout "$data\agent.log"
Invoke-Program $nssm set scanready-agent AppStderr "$data\agent.log"
Invoke-Program $nssm set scanready-agent AppRotateFiles 1
Invoke-Program $nssm set scanready-agent AppRotateBytes 10485760

# An account of this service only, without a password. It may read the password file, and write to its own folder.
Invoke-Program sc.exe config scanready-agent obj= $account
Invoke-Program icacls C:\scanready\broker.txt /inheritance:r /grant:r "${account}:R" 'BUILTIN\Administrators:F'
Invoke-Program icacls $data /inheritance:r /grant:r "${account}:(OI)(CI)M" 'BUILTIN\Administrators:(OI)(CI)F'
Start-Service scanready-agent
