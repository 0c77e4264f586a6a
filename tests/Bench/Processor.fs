/// What the processor did between two moments: how much of it this process used, and how much others took.
module Hybrid.Bench.Processor

open System
open System.Diagnostics
open System.IO
open System.Threading

/// Seconds of processor time since some beginning, summed over the cores.
type Reading = { Own: float; Idle: float; All: float }

/// The unit of /proc/stat, USER_HZ, is 10 ms on every Linux that .NET runs on.
let tick = 0.01

/// Time this process used, precise to some microseconds.
let own () = Environment.CpuUsage.TotalTime.TotalSeconds

/// The first line of /proc/stat: "cpu user nice system idle iowait irq softirq steal ...", in ticks. Stolen time, which a
/// hypervisor gave to other machines, is neither ours nor idle.
let read () =
    let line = File.ReadLines "/proc/stat" |> Seq.head
    let ticks = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..8] |> Array.map float
    { Own = own (); Idle = tick * (ticks[3] + ticks[4]); All = tick * Array.sum ticks }

/// The fraction of the processor that others took: all there was, less what was idle and what was ours.
let takenByOthers before after =
    let all = after.All - before.All

    if all <= 0.0 then
        0.0
    else
        max 0.0 (all - (after.Idle - before.Idle) - (after.Own - before.Own)) / all

/// A round of a measurement is discarded where others took more than this, or more than the reading's own grain.
let isDisturbed before after =
    let grain = 2.0 * tick / max tick (after.All - before.All)
    takenByOthers before after > max 0.05 grain

/// Waits until no thread of this process works any more. The threads of libtorch's OpenMP go on spinning for some
/// milliseconds after a parallel region, ours for some microseconds, and the compiler of .NET works in the background:
/// whoever is measured next must not pay for that.
let settle () =
    let watch = Stopwatch.StartNew()
    let mutable before = own ()
    let mutable isQuiet = false

    while not isQuiet && watch.ElapsedMilliseconds < 200L do
        Thread.Sleep 2
        let now = own ()
        isQuiet <- now - before < 0.0002
        before <- now
