/// Training for a long time, again and again, and on several threads at once.
module Hybrid.Tests.Soak.SoakTests

open System
open System.Diagnostics
open System.Threading
open Expecto
open Hybrid.Autodiff
open Hybrid.Checkpoints
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Checkpoints

let private promise = "A long run holds no more and more"

/// Most that the heap may grow in the whole test, in bytes: less than one copy of the small run's tensors.
let private heapBound = 100e3

/// The same of resident memory, where the system and the collector also have a say.
let private residentBound = 48e6

/// Samples of the long form, one every five seconds: an hour.
let private sampleCount = Evidence.cases 12 720

let private flatMemory () =
    let watch = Stopwatch.StartNew()
    // All of them are there before the first one is taken: what is measured must not grow by being measured.
    let samples = Array.zeroCreate<Growth.Sample> sampleCount

    Files.withFolder (fun folder ->
        let mutable steps = 0

        let run () =
            let run = SmallRun.Run()
            use checkpoints = CheckpointFolder.Open folder

            while run.State.Step < SmallRun.steps do
                run.To(run.State.Step + 100)
                checkpoints.Save("small", SmallRun.settings, run.State)

            steps <- steps + SmallRun.steps

        // Until everything is compiled and every pool has its size.
        for _ in 1 .. Evidence.cases 3 20 do
            run ()

        for index in 0 .. sampleCount - 1 do
            let pause = Stopwatch.StartNew()
            run ()

            while Evidence.isLong && pause.Elapsed < TimeSpan.FromSeconds 5.0 do
                run ()

            samples[index] <- Growth.sample steps)

    let first, last = samples[0], Array.last samples
    let heap = Growth.ofLine (fun sample -> float sample.Heap) samples
    let resident = Growth.ofLine (fun sample -> float sample.Resident) samples
    let thousands = float (last.Steps - first.Steps) / 1000.0
    Expect.isLessThan heap heapBound "growth of the heap, bytes"
    Expect.isLessThan resident residentBound "growth of resident memory, bytes"
    Expect.isLessThanOrEqual last.Handles (first.Handles + 2) "open handles"
    Expect.isLessThanOrEqual last.Threads (first.Threads + 2) "threads"
    Evidence.record promise "steps trained:" $"%d{last.Steps}"
    Evidence.record promise "minutes:" $"%.1f{watch.Elapsed.TotalMinutes}"
    Evidence.record promise "growth of the heap, bytes in a thousand steps:" $"%.0f{heap / thousands}"
    Evidence.record promise "growth of resident memory, bytes in a thousand steps:" $"%.0f{resident / thousands}"
    Evidence.record promise "open handles, first and last:" $"%d{first.Handles} and %d{last.Handles}"
    Evidence.record promise "threads, first and last:" $"%d{first.Threads} and %d{last.Threads}"

let private tapes () =
    let count = 10_000
    let x = Tensor<single>.Zeros(Shape(8, 8))

    let useOne () =
        let tape = Tape<single>()
        let input = tape.Input x
        tape.Backward(input.Scale(2.0), x)

    useOne ()
    let before = Growth.sample 0

    for _ in 1..count do
        useOne ()

    let after = Growth.sample count
    Expect.isLessThan (after.Heap - before.Heap) 1_000_000L "bytes of the heap that are left"
    Expect.isLessThanOrEqual after.Handles (before.Handles + 2) "open handles"
    Evidence.record promise $"bytes left of {count} tapes:" $"{max 0L (after.Heap - before.Heap)}"

let private severalThreads () =
    let count = 4
    let steps = Evidence.cases 60 SmallRun.steps

    let digest () =
        let run = SmallRun.Run()
        run.To steps
        run.Digest

    let alone = digest ()

    for round in 1 .. Evidence.cases 1 20 do
        let digests = Array.create count ""
        let threads = [| for i in 0 .. count - 1 -> Thread(fun () -> digests[i] <- digest ()) |]

        for thread in threads do
            thread.Start()

        for thread in threads do
            thread.Join()

        for found in digests do
            Expect.equal found alone $"weights and losses of a run among {count}, round {round}"

    Evidence.record promise "runs at once, each to the bit as alone:" $"{count}, {Evidence.cases 1 20} times"

/// Sequenced: other tests would change what this process holds.
[<Tests>]
let tests =
    testSequenced (
        testList
            "Soak"
            [
                testCase "training one run after the other holds no more memory, handles or threads" flatMemory
                testCase "ten thousand tapes leave nothing behind" tapes
                testCase "runs on several threads at once end as they do alone" severalThreads

                testCase "a leak of a hundredth of the bound a sample is seen, a single peak is not"
                <| fun _ ->
                    let sample heap step : Growth.Sample =
                        { Steps = 100 * step; Heap = heap step; Resident = 0L; Handles = 0; Threads = 0 }

                    let growth heap = Array.init 200 (sample heap) |> Growth.ofLine (fun sample -> float sample.Heap)
                    let noise step = int64 (step * 7919 % 1000)
                    let leak = growth (fun step -> int64 (heapBound / 100.0) * int64 step + noise step)
                    Expect.isGreaterThan leak heapBound "a leak"
                    let peak = growth (fun step -> if step = 199 then int64 heapBound else noise step)
                    Expect.isLessThan peak heapBound "a peak"
            ]
    )
