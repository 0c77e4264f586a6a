/// A training run small enough to be killed twenty times: dropout, shuffled batches, Adam, a schedule, a recorded loss.
module Hybrid.Tests.Checkpoints.SmallRun

open System
open System.IO
open System.Security.Cryptography
open Hybrid.Autodiff
open Hybrid.Checkpoints
open Hybrid.Files
open Hybrid.Data
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Tensors

open Hybrid.Text

let steps = 400
let settings = readOnlyDict [ "features", "16"; "seed", "1" ]

let private pairs =
    let random = RandomStream(1UL).Split "pairs"
    let sentence () = Array.init (1 + random.NextBelow 6) (fun _ -> 3 + random.NextBelow 5)
    [| for _ in 1..60 -> SequencePair(sentence (), sentence ()) |]

let seedVariable = "HYBRID_TESTS_SEED"

let private seed =
    match Environment.GetEnvironmentVariable seedVariable with
    | null -> 1UL
    | text -> UInt64.Parse text

type Run() =
    let stream = RandomStream(seed).Split "training"

    let model =
        Transformer<single>(
            TransformerSettings(
                SourceVocabulary = 8,
                TargetVocabulary = 8,
                Features = 16,
                Heads = 2,
                EncoderLayers = 1,
                DecoderLayers = 1,
                HiddenFeatures = 32
            ),
            stream.Split "model"
        )

    let adam = Adam<single>.OfTransformer model.Parameters
    let dropout = stream.Split "dropout"
    let batches = BatchStream(pairs, 30, stream.Split "order")
    let losses = Series 2
    let average = ParameterAverage<single> model.Parameters
    let tape = Tape<single>(training = true, random = dropout)

    let state =
        let state = TrainingState()
        state.Add model.Parameters
        state.Add("adam", adam)
        state.Add("dropout", dropout)
        state.Add("batches", batches)
        state.Add("losses", losses)

        state.Add(
            "average",
            Shape(average.Save().Length),
            (fun () -> average.Save()),
            (fun saved -> average.Restore saved)
        )

        state

    member _.State = state

    member _.Step() =
        tape.Clear()
        let loss = model.Loss(tape, batches.Next(), 0.1)
        adam.ZeroGradients()
        tape.Backward loss
        state.Step <- state.Step + 1
        adam.Step(Schedule.Warmup(state.Step, 16, 40))
        losses.Add(float state.Step, float (loss.Value.ToScalar()))

        if state.Step % 7 = 0 then
            average.Add()

    member run.To step =
        while state.Step < step do
            run.Step()

    /// A digest of every weight, their average and every recorded loss, to the bit.
    member _.Digest =
        use hash = IncrementalHash.CreateHash HashAlgorithmName.SHA256

        for parameter in model.Parameters do
            for weight in parameter.Value.ToArray() do
                hash.AppendData(BitConverter.GetBytes weight)

        for row in losses.ToArray() do
            for number in row do
                hash.AppendData(BitConverter.GetBytes number)

        for number in average.Save() do
            hash.AppendData(BitConverter.GetBytes number)

        Convert.ToHexString(hash.GetHashAndReset())

    member _.Losses = [| for row in losses.ToArray() -> row[1] |]

    member _.Weights =
        [|
            for parameter in model.Parameters do
                for weight in parameter.Value.ToArray() do
                    float weight
        |]

let childArgument = "--training-child"

/// The run to be killed: resumes, saves after every fifth step, says each step, and at the end its digest.
let child (folder: string) =
    use checkpoints = CheckpointFolder.Open folder
    let run = Run()
    checkpoints.Resume("small", settings, run.State) |> ignore
    printfn $"from {run.State.Step}"

    while run.State.Step < steps do
        run.Step()
        printfn $"step {run.State.Step}"

        if run.State.Step % 5 = 0 then
            try
                checkpoints.Save("small", settings, run.State)
            with :? DataFileException as error ->
                printfn $"not saved: {error.Message}"

    printfn $"digest {run.Digest}"
    0

let numbersArgument = "--training-numbers"

/// So many steps, then the digest, the losses and the weights, a line each.
let numbers (steps: int) =
    let run = Run()
    run.To steps
    let line (numbers: float[]) = String.Join(" ", numbers |> Array.map _.ToString("R"))
    printfn $"{run.Digest}\n{line run.Losses}\n{line run.Weights}"
    0
