/// Training that is stopped and taken up again, in process: every trainer of the prelude, with models that learn within milliseconds.
module Hybrid.Tests.Pages.ResumptionTests

open System
open System.IO
open Expecto
open Hybrid.Autodiff
open Hybrid.Checkpoints
open Hybrid.Checks
open Hybrid.Data
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Checkpoints
open Hybrid.Tests.Models
open Hybrid.Scripts
open Hybrid.Text
open Hybrid.Tests.Pages.Refusals

/// What a run found out: numbers, by what they are.
type private Findings = (string * float[]) list

let private numbers (tensors: Tensor<float32> seq) =
    [|
        for tensor in tensors do
            yield! Array.map float (tensor.ToArray())
    |]

/// What a network has learned.
let private learned name (parameters: Parameter<float32> seq) (buffers: Buffer<float32> seq) : Findings =
    [
        $"{name}'s weights", numbers [ for parameter in parameters -> parameter.Value ]
        $"{name}'s statistics", numbers [ for buffer in buffers -> buffer.Value ]
    ]

let private tape = Tape<float32>()
let private steps = 10

/// Twenty examples in batches of six: epochs end within the run.
let private examples features classes =
    let random = RandomStream 7UL

    Examples(
        Tensor<float32>
            .From(Shape(20, features), ReadOnlySpan [| for _ in 1 .. 20 * features -> float32 (random.NextNormal()) |]),
        [| for i in 1..20 -> i % classes |],
        classes
    )

/// Batch normalization, momentum, and a change of each batch by chance.
let private classifier rate report =
    let shiftAll (random: RandomStream) (batch: Tensor<float32>) =
        let shift = float32 (random.NextNormal())

        for i in 0 .. batch.Length - 1 do
            batch.Span[i] <- batch.Span[i] + shift

    let graduate =
        Classifiers.train
            {
                Name = "classifier"
                Seed = 1UL
                Settings = "tiny"
                Model = fun stream -> ResNet<float32>(TinyResNet.settings TinyResNet.tiny, stream)
                Optimizer = "momentum", (fun parameters -> Sgd<float32>(parameters, 0.9))
                Rate = rate
                Steps = steps
                BatchSize = 6
                Train = examples TinyResNet.tiny.Features TinyResNet.tiny.Classes
                Augment = Some shiftAll
                LooksEvery = Some 3
            }
            tape
            report

    [
        "losses",
        [|
            for step, loss in graduate.Losses do
                float step
                loss
        |]
        "errors",
        [|
            for step, error in graduate.Errors do
                float step
                error
        |]
        "divergence", [| (if graduate.Diverged then 1.0 else 0.0) |]
    ]
    @ learned "model" graduate.Model.Parameters graduate.Model.Buffers

let private contest features rate networks report =
    let fixedNoise = Adversaries.noise Noise.Normal (RandomStream 3UL) 2 TinyGan.noiseWidth

    let outcome =
        Adversaries.train
            {
                Name = "contest"
                Seed = 1UL
                Settings = "tiny"
                Networks = networks
                Optimizer = "adam", (fun parameters -> Adam<float32>(parameters))
                Rates = rate, rate
                Steps = steps
                DiscriminatorSteps = 2
                BatchSize = 6
                RealTarget = 0.9
                Objective = GeneratorObjective.NonSaturating
                Noise = Noise.Normal
                Real = Adversaries.drawing (examples features 2)
                Looks = 4
                Look = fun tape gan -> Adversaries.samples tape gan fixedNoise |> Array.map (Array.map float)
                LookWidth = features
            }
            tape
            report

    [
        "losses",
        [|
            for step, ofDiscriminator, ofGenerator in outcome.Losses do
                float step
                ofDiscriminator
                ofGenerator
        |]
        "looks",
        [|
            for step, rows in outcome.Looks do
                float step
                yield! Array.concat rows
        |]
        "divergence", [| (if outcome.Diverged then 1.0 else 0.0) |]
    ]
    @ learned "generator" outcome.Gan.Generator.Parameters outcome.Gan.Generator.Buffers
    @ learned "discriminator" outcome.Gan.Discriminator.Parameters outcome.Gan.Discriminator.Buffers

/// Dropout draws by chance.
let private perceptrons stream =
    Gan<float32>(
        MlpGenerator<float32>(TinyGan.generatorOf TinyGan.noiseWidth [ 5 ] TinyGan.features ActivationKind.Tanh, stream),
        MlpDiscriminator<float32>(TinyGan.discriminatorOf TinyGan.features [ 4 ] 2 0.2 0.5, stream)
    )

/// Batch normalization keeps statistics.
let private convolutions stream =
    let settings = TinyGan.dcgan 8 4 1 TinyGan.noiseWidth 2 true
    Gan<float32>(DcganGenerator<float32>(settings, stream), DcganDiscriminator<float32>(settings, stream))

/// Dropout, batches by length, and an average of the last evaluations.
let private sequences report =
    let options = { TinyTransformer.tiny with Dropout = 0.2 }
    let random = RandomStream 5UL
    let pairs = TinyTransformer.pairs random options [ for i in 1..12 -> 1 + i % 5, 1 + i % 4 ]
    let stream = RandomStream(1UL).Split "training"
    let model = Transformer<float32>(TinyTransformer.settings options, stream.Split "model")

    let learner =
        {
            Model = model
            Adam = Adam<float32>.OfTransformer(model.Parameters)
            Batches = BatchStream(pairs, 20, stream.Split "order")
            Dropout = stream.Split "dropout"
        }

    /// As the pages have it.
    let learn number rate =
        let batch = learner.Batches.Next()
        tape.Clear()
        use _ = tape.Training learner.Dropout
        let loss = model.Loss(tape, batch, 0.1)
        FiniteGuard.ThrowIfNotFinite(number, loss, tape, model.Parameters)
        learner.Adam.ZeroGradients()
        tape.Backward loss
        FiniteGuard.Step(number, learner.Adam, rate, tape)
        loss, batch.TargetTokens

    let plan =
        {
            Name = "sequences"
            Seed = 1UL
            Settings = []
            Rate = fun step -> 0.1 / float step
            Steps = steps
            Evaluations = 7
            Validation = pairs[..3]
            TokenBudget = 20
        }

    let history = Sequences.train plan learner tape learn report

    [
        "losses",
        [|
            for step, loss in history.Training do
                float step
                loss
        |]
        "validation",
        [|
            for step, loss, accuracy in history.Validation do
                float step
                loss
                accuracy
        |]
        "average", history.Average.Save()
    ]
    @ learned "model" model.Parameters []

/// What becomes of a run whose process dies.
exception private Killed

/// One life of a run, killed within the step after the last one, before that is saved: the step with which it began, and what it found out
/// if it came to its end.
let private live (folder: string) isResumed last (train: (int -> string -> unit) -> Findings) =
    let options =
        [|
            "--out"
            folder
            "--save-every"
            "0"
            if isResumed then
                "--resume"
        |]

    let page = Page.read options "resumption" [ Extra.Resume ] |> Option.get
    Page.enter { page with KeepsCheckpoints = true }
    let begun = ref None

    let report number _ =
        begun.Value <- Option.orElse (Some number) begun.Value

        if number > last then
            raise Killed

    try
        let found =
            try
                Some(train report)
            with Killed ->
                None

        begun.Value, found
    finally
        Training.close ()

let private expectSame (expected: Findings) (found: Findings option) message =
    Expect.equal (Option.map (List.map fst) found) (Some(List.map fst expected)) $"what is found out, {message}"

    for (name, expected), (_, found) in List.zip expected found.Value do
        let bits = Array.map BitConverter.DoubleToInt64Bits
        Expect.isTrue (bits found = bits expected) $"{name}, {message}: %A{found}, without a stop %A{expected}"

/// Stopped after each number of steps, none and all among them, and resumed; then stopped after every step and resumed each time.
let private expectResumable train =
    let never = Int32.MaxValue
    let _, whole = Files.withFolder (fun folder -> live folder false never train)
    let whole = whole.Value

    for stop in 0..steps do
        Files.withFolder (fun folder ->
            let _, early = live folder false (if stop < steps then stop else never) train
            Expect.equal early.IsSome (stop = steps) $"it comes to its end, stopped after step {stop}"
            let begun, found = live folder true never train
            Expect.equal begun (if stop < steps then Some(stop + 1) else None) "the step with which it goes on"
            expectSame whole found $"stopped after step {stop}")

    Files.withFolder (fun folder ->
        for stop in 1 .. steps - 1 do
            live folder (stop > 1) stop train |> ignore

        expectSame whole (snd (live folder true never train)) "stopped after every step")

let private steady (_: int) = 0.05

/// The weights are no numbers after the fourth step.
let private astray step = if step = 4 then 1e38 else 0.05

/// Each trainer by the file in which it is, and runs that have everything it can remember.
let private trainers =
    [
        "classifiers", "a classifier", classifier steady
        "classifiers", "a classifier that goes astray", classifier astray
        "adversaries", "a contest of perceptrons", contest TinyGan.features steady perceptrons
        "adversaries", "a contest of convolutions", contest TinyGan.features steady convolutions
        "adversaries", "a contest that goes astray", contest TinyGan.features astray perceptrons
        "sequences", "an encoder-decoder", sequences
    ]

/// Sequenced: there is one page a process.
[<Tests>]
let tests =
    testSequenced (
        testList
            "Pages.Resumption"
            [
                testCase "every trainer of the prelude is stopped and resumed here, and no page saves by itself"
                <| fun _ ->
                    let files = Directory.GetFiles(Path.Combine(Scripts.folder, "prelude"), "*.fs") |> List.ofArray
                    let callers = files |> List.filter (fun file -> File.ReadAllText(file).Contains "Training.run")
                    let names = [ for file in callers -> nonNull (Path.GetFileNameWithoutExtension file) ]
                    let tested = [ for file, _, _ in trainers -> file ]
                    Expect.equal (List.sort names) (tested |> List.distinct |> List.sort) "trainers"

                    for name, text in Scripts.pages do
                        for word in [ "TrainingState"; "CheckpointFolder"; "Training.run" ] do
                            Expect.isFalse
                                (text.Contains word)
                                $"{name} calls {word}; a trainer of the prelude does that"

                for _, name, train in trainers do
                    testCase $"{name}, stopped at any step and resumed, finds out the same to the bit"
                    <| fun _ -> expectResumable train

                testCase "runs that go astray do so here"
                <| fun _ ->
                    let diverges train =
                        Files.withFolder (fun folder -> live folder false Int32.MaxValue train |> snd)
                        |> Option.map (List.exists ((=) ("divergence", [| 1.0 |])))

                    let found = [ for _, name, train in trainers -> name.EndsWith "astray", diverges train ]
                    Expect.all found (fun (expected, found) -> found = Some expected) $"divergence: %A{found}"

                testCase "training is refused in a folder in which another run trains"
                <| fun _ ->
                    Files.withFolder (fun folder ->
                        use _ = CheckpointFolder.Open(Path.Combine(folder, "checkpoints"))

                        let said = refusalOf (fun () -> live folder false Int32.MaxValue sequences)
                        Expect.stringContains said "another run uses this folder" "cause"
                        Expect.stringContains said "choose another folder" "remedy")

                testCase "a page that has come to its end leaves no checkpoints, one that is stopped does"
                <| fun _ ->
                    Files.withFolder (fun folder ->
                        let checkpoints () = Directory.GetFiles(folder, "*.safetensors", SearchOption.AllDirectories)
                        live folder false 3 sequences |> ignore
                        Expect.hasLength (checkpoints ()) 2 "the last two"

                        let finishing report =
                            let found = sequences report
                            Training.forget ()
                            found

                        live folder true Int32.MaxValue finishing |> ignore
                        Expect.isEmpty (checkpoints ()) "after the end")
            ]
    )
