/// What the same seed promises on any number of threads, and what changes the last digits.
module Hybrid.Tests.Determinism.DeterminismTests

open System
open System.Diagnostics
open System.Reflection
open Expecto
open Hybrid.Kernels
open Hybrid.Tests
open Hybrid.Tests.Checkpoints
open Hybrid.Tests.Optimizers

let private promise = "The same seed gives the same bits"

/// Of the first ten losses, relative to the largest. Single precision has a unit of 1.2e-7. Later the bound would mean nothing:
/// where a gradient is nothing but rounding, Adam still takes a step of the size of its rate, so runs part for good.
let private bound = 1e-4

let private steps = 100

type private Outcome = { Digest: string; Losses: float[]; Weights: float[] }

/// What this program says in a process of its own, which has other settings.
let private said argument (variables: (string * string) list) =
    let start =
        ProcessStartInfo(
            "dotnet",
            [ Assembly.GetExecutingAssembly().Location; argument; string steps ],
            RedirectStandardOutput = true
        )

    for name, value in variables do
        start.Environment[name] <- value

    use child = Process.Start start |> nonNull
    let said = child.StandardOutput.ReadToEnd()
    child.WaitForExit()
    Expect.equal child.ExitCode 0 "exit code"
    said

let private child variables =
    let said = said SmallRun.numbersArgument variables
    let lines = said.Split('\n', StringSplitOptions.RemoveEmptyEntries)
    let numbers (line: string) = line.Split ' ' |> Array.map float
    { Digest = lines[0]; Losses = numbers lines[1]; Weights = numbers lines[2] }

let private distance (a: float[]) (b: float[]) =
    Array.map2 (fun x y -> abs (x - y)) a b
    |> Array.max
    |> (fun apart -> apart / Array.max (Array.map abs a))

let private here = lazy (child [])

[<Tests>]
let tests =
    testSequenced (
        testList
            "Determinism"
            [
                testCase "the same seed gives the same bits in every process"
                <| fun _ ->
                    let run = SmallRun.Run()
                    run.To steps
                    Expect.equal here.Value.Digest run.Digest "another process"

                    for _ in 1 .. Evidence.cases 1 20 do
                        Expect.equal (child []).Digest run.Digest "yet another"

                    Evidence.record promise "processes that agree to the bit:" $"{Evidence.cases 3 22}"

                for threads in [ 1; 3 ] do
                    testCase $"so it does on {threads} threads"
                    <| fun _ ->
                        let other = child [ "HYBRID_THREADS", string threads ]
                        Expect.equal other.Digest here.Value.Digest "digest"

                testCase $"{steps} steps of every kind of model are the same to the bit on 1, 2, 3 and 8 threads"
                <| fun _ ->
                    let on (threads: int) = Kinds.read (said Kinds.argument [ "HYBRID_THREADS", string threads ])
                    let alone = on 1

                    for outcome in alone do
                        Expect.isGreaterThanOrEqual
                            outcome.Largest
                            (3 * Kinds.leastShared)
                            $"{outcome.Kind} is large enough for work that is cut into more than two parts"

                    let digests = [ for outcome in alone -> outcome.Digest ]
                    Expect.equal (List.distinct digests) digests "no two kinds are one"

                    for threads in [ 2; 3; 8 ] do
                        for shared, alone in List.zip (on threads) alone do
                            Expect.equal shared.Digest alone.Digest $"{alone.Kind} on {threads} threads"

                    Evidence.record
                        promise
                        $"kinds of models whose losses and weights of {steps} steps agree to the bit on 1, 2, 3 and 8 threads:"
                        (string alone.Length)

                testCase "so are steps of every optimizer, of a parameter that is shared out, on 1 and 3 threads"
                <| fun _ ->
                    let on threads = said OptimizerLaw.argument [ "HYBRID_THREADS", threads ]
                    let alone = on "1"
                    Expect.equal (on "3") alone "digests"
                    let digests = [ for line in alone.Split('\n', StringSplitOptions.RemoveEmptyEntries) -> line[..63] ]
                    Expect.isGreaterThan digests.Length 4 "optimizers"
                    Expect.equal (List.distinct digests) digests "no two are one"

                for name, variables in
                    [
                        "without AVX-512", [ "DOTNET_EnableAVX512", "0" ]
                        "without AVX", [ "DOTNET_EnableAVX", "0" ]
                        "without vector instructions", [ "DOTNET_EnableHWIntrinsic", "0" ]
                    ] do
                    testCase $"a run {name} differs in rounding only"
                    <| fun _ ->
                        let other = child variables
                        let first = abs (other.Losses[0] - here.Value.Losses[0]) / here.Value.Losses[0]
                        let losses = distance here.Value.Losses other.Losses
                        let weights = distance here.Value.Weights other.Weights
                        Expect.isLessThan first 1e-6 "the loss of the first step"
                        let early = distance (Array.truncate 10 here.Value.Losses) (Array.truncate 10 other.Losses)
                        Expect.isLessThan early bound "the first ten losses"

                        let said =
                            if other.Digest = here.Value.Digest then "none" else $"%.1e{losses} and %.1e{weights}"

                        Evidence.record
                            promise
                            $"difference {name}, losses and weights after {steps} steps, against {Workers.Count} threads and {Instructions.Path}:"
                            said

                testCase "another seed gives other numbers, so that the comparison can fail"
                <| fun _ ->
                    let other = child [ SmallRun.seedVariable, "2" ]
                    Expect.notEqual other.Digest here.Value.Digest "digest"
                    Expect.isGreaterThan (distance here.Value.Losses other.Losses) bound "losses"
            ]
    )
