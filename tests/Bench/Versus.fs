/// This build of the library against another one, such as that of an earlier commit: whole training steps, in processes that take turns.
module Hybrid.Bench.Versus

open System
open System.Diagnostics
open System.Globalization
open System.IO

/// Seconds that one process measures for, after the calls that warm it up.
let private seconds = 2.0

type Row =
    {
        Name: string
        /// Time of the other build by ours, the median of the pairs: above 1 we are faster.
        Ratio: float
        /// Of the median, with 95 % or a little more.
        Low: float
        High: float
        OursMs: float
        OtherMs: float
        OursPeakMB: float
        OtherPeakMB: float
        /// What the work keeps: objects and tensors of the model, its optimizer and its tape, without the runtime and its compiler.
        OursHeldMB: float
        OtherHeldMB: float
        Pairs: int
    }

/// Runs our side of a workload alone; prints what a call takes, in milliseconds, and the most memory of the process and what is held in
/// the end, in MB. The job of a process of its own.
let time (workload: Workload) =
    let live () = float (GC.GetTotalMemory true) / float (1 <<< 20)
    let before = live ()
    let side = workload.Ours()

    let call () =
        let start = Stopwatch.GetTimestamp()
        side.Run()
        Stopwatch.GetElapsedTime(start).TotalMilliseconds

    // A training takes minutes, of which the compiler has a part of the first seconds: it is waited for, within reason.
    let compiled () = int (Runtime.JitInfo.GetCompiledMethodCount false)
    let watch, quiet = Stopwatch.StartNew(), Stopwatch.StartNew()
    let mutable calls, last = 0, 0

    while calls < 3 || (quiet.Elapsed.TotalSeconds < 1.0 && watch.Elapsed.TotalSeconds < 10.0) do
        call () |> ignore
        calls <- calls + 1

        if compiled () <> last then
            last <- compiled ()
            quiet.Restart()

    watch.Restart()
    let times = ResizeArray<float>()

    while times.Count < 5 || watch.Elapsed.TotalSeconds < seconds do
        times.Add(call ())

    let typical = Statistics.percentile 0.25 times
    let peak = Self.peakMemory ()
    let held = live () - before
    GC.KeepAlive side
    printfn $"""%s{String.Format(CultureInfo.InvariantCulture, "{0} {1} {2}", typical, peak, held)}"""

let private parse (said: string) =
    match
        said.Trim().Split ' '
        |> Array.map (fun number -> Double.Parse(number, CultureInfo.InvariantCulture))
    with
    | [| ms; peak; held |] -> struct (ms, peak, held)
    | _ -> failwith $"'{said}' is no time and no memory"

/// The same job of another build of this benchmark.
let private other (assembly: string) (workload: Workload) =
    let start = ProcessStartInfo("dotnet", [ "exec"; assembly; "time"; workload.Name ], RedirectStandardOutput = true)

    use child = Process.Start start |> nonNull
    let said = child.StandardOutput.ReadToEnd()
    child.WaitForExit()

    if child.ExitCode <> 0 then
        failwith
            $"{assembly}: 'time {workload.Name}' ended with exit code {child.ExitCode}; is it a build of this benchmark that knows the workload?"

    parse said

/// Ranks between which the median lies with at least 95 %, counted from 0: by the binomial distribution of how many fall below it.
let private ranks count =
    let rec chance k = if k = 0 then 0.5 ** float count else chance (k - 1) * float (count - k + 1) / float k
    let mutable below, low = 0.0, 0

    while below + chance low <= 0.025 && low < count / 2 do
        below <- below + chance low
        low <- low + 1

    let low = max 0 (low - 1)
    low, count - 1 - low

let run (assembly: string) pairs (workloads: Workload list) =
    if not (File.Exists assembly) then
        failwith $"{assembly} does not exist; build tests/Bench of the other checkout first, and name its Bench.dll."

    printfn
        $"""%-44s{"step"} %10s{"ours, ms"} %10s{"other, ms"} %8s{"ratio"}  %-16s{"interval"} %17s{"peak, MB"} %17s{"held, MB"}"""

    [
        for workload in workloads do
            let measured =
                [
                    for pair in 1..pairs do
                        let ours () = parse (Self.run [] [ "time"; workload.Name ])
                        // Whoever comes first changes, as a machine may be on its way to warm.
                        if pair % 2 = 0 then
                            let ours = ours ()
                            ours, other assembly workload
                        else
                            let other = other assembly workload
                            ours (), other
                ]

            let ratios = [ for struct (ours, _, _), struct (other, _, _) in measured -> other / ours ] |> List.sort
            let low, high = ranks pairs
            let median select = measured |> List.map select |> Statistics.median
            let ms struct (ms: float, _: float, _: float) = ms
            let peak struct (_: float, peak: float, _: float) = peak
            let held struct (_: float, _: float, held: float) = held

            let row =
                {
                    Name = workload.Name
                    Ratio = Statistics.median ratios
                    Low = ratios[low]
                    High = ratios[high]
                    OursMs = median (fst >> ms)
                    OtherMs = median (snd >> ms)
                    OursPeakMB = median (fst >> peak)
                    OtherPeakMB = median (snd >> peak)
                    OursHeldMB = median (fst >> held)
                    OtherHeldMB = median (snd >> held)
                    Pairs = pairs
                }

            let interval = $"%.3f{row.Low} to %.3f{row.High}"

            let against ours other = $"%.1f{ours} / %.1f{other}"

            printfn
                $"%-44s{row.Name} %10.2f{row.OursMs} %10.2f{row.OtherMs} %8.3f{row.Ratio}  %-16s{interval} %17s{against row.OursPeakMB row.OtherPeakMB} %17s{against row.OursHeldMB row.OtherHeldMB}"

            row
    ]
