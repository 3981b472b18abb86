# Checks the machine and the manifests, starts the sample stack in parallel, shows its state. Twin of start-full-stack.
[CmdletBinding()]
param(
    [ValidateSet('minimal', 'development', 'full', 'testing')] [Alias('Profile')] [string] $StartupProfile = 'full',
    [string] $Log
)
$ErrorActionPreference = 'Stop'
Set-Location (Split-Path -Parent $PSScriptRoot)

function Invoke-Step {
    param([string] $Text, [string[]] $Arguments)
    Write-Host "==> $Text"
    if ($Log) { & controller @Arguments 2>&1 | Tee-Object -FilePath $Log -Append | Out-Host }
    else { & controller @Arguments | Out-Host }
    if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
}

if (-not (Get-Command controller -ErrorAction SilentlyContinue)) {
    Write-Error "controller is not on PATH. Hint: python -m pip install ."
    exit 1
}
Invoke-Step 'resources: engine, memory, disk, ports' @('doctor')
Invoke-Step 'configuration: manifests/' @('validate', '-f', 'manifests/')
Invoke-Step 'security: what the manifests let be started' @('scan', '-f', 'manifests/', '--profile', $StartupProfile, '--source', 'compose', '--gate')
Invoke-Step "starting profile $StartupProfile, independent services side by side" @('apply', '-f', 'manifests/', '--profile', $StartupProfile)
Invoke-Step 'state' @('status', '-f', 'manifests/', '--profile', $StartupProfile, '-o', 'wide')
