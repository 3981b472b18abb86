# Says PASS or FAIL for the machine, the manifests and every service of the running stack; 0 when all pass. Twin of validate.
[CmdletBinding()]
param([string] $Manifests = 'manifests/')
$ErrorActionPreference = 'Stop'
Set-Location (Split-Path -Parent $PSScriptRoot)
$script:Failed = $false

function Write-Verdict {
    param([string] $Name, [bool] $Good)
    if ($Good) { Write-Host "PASS  $Name" } else { Write-Host "FAIL  $Name"; $script:Failed = $true }
}

if (-not (Get-Command controller -ErrorAction SilentlyContinue)) {
    Write-Error "controller is not on PATH. Hint: python -m pip install ."
    exit 1
}
& controller doctor | Out-Null
Write-Verdict 'machine' ($LASTEXITCODE -eq 0)
& controller validate -f $Manifests | Out-Null
Write-Verdict 'manifests' ($LASTEXITCODE -eq 0)

$services = 0
$text = & controller status -f $Manifests -o json
if ($LASTEXITCODE -ne 0) { Write-Verdict 'status' $false; exit 1 }
foreach ($stack in ($text | Out-String | ConvertFrom-Json).stacks) {
    foreach ($service in $stack.services) {
        $services++
        $good = $service.phase -in @('Ready', 'Completed', 'Stopped')
        Write-Verdict "$($stack.name)/$($service.name): $($service.phase), $($service.ready)/$($service.desired) ready" $good
    }
}
if ($services -eq 0) { Write-Verdict 'no service is known yet' $false }
if ($script:Failed) { exit 1 }
