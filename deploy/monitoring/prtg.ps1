# PRTG sensor "EXE/Script Advanced": copy it to PRTG's folder "Custom Sensors\EXEXML" on the probe beside Sage,
# parameters: -Config "C:\ProgramData\sage100-ssm\sync.yaml" -Program "C:\...\sage100-ssm.exe"
# It reads the state and no password, and shows no name of a contact.
param(
    [string]$Config = "C:\ProgramData\sage100-ssm\sync.yaml",
    [string]$Program = "sage100-ssm"
)
# The text of `status --json` is escaped where the output is no UTF-8, so the code page of the console does not matter.
$env:PYTHONIOENCODING = "ascii"
$text = & $Program status --json --config $Config 2>&1 | Out-String
if ($LASTEXITCODE -ne 0) {
    @{ prtg = @{ error = 1; text = $text.Trim() } } | ConvertTo-Json -Depth 4
    exit 0
}
$status = $text | ConvertFrom-Json
$problems = 0
$status.problems.PSObject.Properties | ForEach-Object { $problems += $_.Value }
$links = 0
$status.links.status.PSObject.Properties | ForEach-Object { $links += $_.Value }
$code = if ($status.last_run) { $status.last_run.exit_code } else { 1 }
$age = if ($status.last_run) {
    [int]((Get-Date).ToUniversalTime() - ([datetime]$status.last_run.started_at).ToUniversalTime()).TotalMinutes
} else { 0 }
@{
    prtg = @{
        text   = if ($status.late_since) { "Late since $($status.late_since)" } else { "Last run: code $code" }
        result = @(
            @{ channel = "Late"; value = [int]($null -ne $status.late_since); limitmode = 1; limitmaxerror = 0.5 },
            @{ channel = "Exit code of the last run"; value = $code; limitmode = 1; limitmaxerror = 1.5 },
            @{ channel = "Age of the last run"; value = $age; unit = "Custom"; customunit = "min" },
            @{ channel = "Open problems"; value = $problems; limitmode = 1; limitmaxwarning = 20 },
            @{ channel = "Linked contacts"; value = $links }
        )
    }
} | ConvertTo-Json -Depth 4
