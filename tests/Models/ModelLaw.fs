/// What holds of every model; its own test keeps what its paper says. Over the same list, tests/Onnx exports each model, and tests/Parity
/// compares each class with PyTorch.
module Hybrid.Tests.Models.ModelLaw

open System
open System.IO
open System.Text.RegularExpressions
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
open Hybrid.Tests.Support
open Hybrid.Tests.Checkpoints.Files
open Hybrid.Tests.Models.EveryModel
open Hybrid.Tests.Models.ModelKinds

let private batch = [ 1; 2; 3; 4 ]

let private storedIn (model: IModel<'T>) : Stored<'T> list =
    [
        for parameter in model.Parameters do
            parameter

        for buffer in model.Buffers do
            buffer
    ]

let private numbersOf model = [ for Named(name, value) in storedIn model -> name, value.ToArray() ]

let private gradientsOf (model: Layer<'T>) = [ for parameter in model.Parameters -> parameter.Gradient.ToArray() ]

/// As after training: no gain is 1, no bias and no mean 0, and weights are of the size at which nothing stays linear.
let private shake (seed: uint64) (model: IModel<'T>) =
    let random = RandomStream seed

    for Named(name, value) in storedIn model do
        // A matrix of deviation 0.02 would leave all that comes behind it flat.
        let deviation =
            if value.Shape.Rank > 1 then
                0.5 / sqrt (float (value.Length / value.Shape.Columns))
            else
                0.3

        for i in 0 .. value.Length - 1 do
            let x = float (Double.CreateChecked value.Span[i])

            let next =
                if name.EndsWith "variance" then
                    0.5 + random.NextUniform()
                else
                    x + deviation * random.NextNormal()

            value.Span[i] <- 'T.CreateChecked next

let private shaken seed (subject: Subject<'T>) =
    shake seed subject.Model
    Option.iter (shake seed) subject.Other
    subject

/// The same model in double.
let private widened (subject: Subject<float32>) =
    let model = subject.Model
    let wide = made<float> (model.GetType().GetGenericTypeDefinition()) (settingsOf model) (RandomStream 0UL)

    for Named(_, narrow), Named(_, wide) in List.zip (storedIn model) (storedIn wide) do
        (floats narrow).CopyTo wide.Span

    asked wide

/// A stretch in which a pass trains, with the chance of a seed that is always the same, or evaluates.
let private under training (tape: Tape<'T>) = if training then tape.Training(RandomStream 5UL) else tape.Evaluation()

let private answer (start: Tape<'T> -> TapeScope<'T>) (subject: Subject<'T>) examples =
    let tape: Tape<'T> = usedTape ()
    use _ = start tape
    let inputs = subject.Inputs examples |> List.map tape.Constant |> Array.ofList
    let y = subject.Answer examples tape inputs

    rowsOf (y.Value.ToPersistent().Reshape(Shape [| examples.Length; y.Value.Length / examples.Length |])),
    Seq.length tape.Recorded

let private answers subject examples = fst (answer _.Inference() subject examples)

/// The loss, and the gradient of every parameter.
let private run training (tape: Tape<'T>) (subject: Subject<'T>) (loss: Loss<'T>) =
    use _ = under training tape

    for parameter in subject.Model.Parameters do
        parameter.ZeroGradient()

    let value = loss.Of batch tape
    tape.Backward(value, towards = subject.Model.Parameters)
    Double.CreateChecked(value.Value.ToScalar()), gradientsOf subject.Model

/// Steps of Adam on one batch: the losses.
let private train (subject: Subject<'T>) (entry: Entry) steps (loss: Loss<'T>) =
    let adam = Adam<'T>(subject.Model.Parameters)
    let tape = Tape<'T>(training = true, random = RandomStream 6UL)

    [
        for step in 1..steps do
            tape.Clear()
            adam.ZeroGradients()
            let value = loss.Of batch tape
            tape.Backward(value, towards = adam.Parameters)
            // Falling to 0, so that the last steps do not wander.
            adam.Step(entry.Rate * (1.0 - float (step - 1) / float steps))
            Double.CreateChecked(value.Value.ToScalar())
    ]

/// What a model computes, in double: its answers with respect to its inputs, or a loss.
let private recorded (subject: Subject<float>) examples (loss: Loss<float> option) training (tape: Tape<float>) inputs =
    use _ = under training tape

    match loss with
    | Some loss -> loss.Of examples tape
    | None -> subject.Answer examples tape inputs

/// A model and a batch that come near no kink; the seed is raised until that is so. A step of a parameter can move what goes into a later
/// layer by several steps, hence the margin.
let rec private drawn entry loss training (seed: uint64) =
    let subject = subject<float> entry seed |> shaken seed
    let examples = [ for n in 1..2 -> 10 * int seed + n ]
    let inputs = if Option.isNone loss then subject.Inputs examples else []
    let picked = loss |> Option.map (fun at -> subject.Losses[at])
    let tape = Tape<float>()

    recorded subject examples picked training tape (inputs |> List.map tape.Input |> Array.ofList)
    |> ignore

    if seed > 2000UL then
        failtestf "%s comes near a kink whatever the seed" (string entry.Settings)
    elif Kinks.nearest tape < 30.0 * GradCheck.Step then
        drawn entry loss training (seed + 1UL)
    else
        subject, inputs, recorded subject examples picked training

let private expectGradients (entry: Entry) =
    let probe = subject<float> entry 1UL
    let name = probe.Model.GetType().Name.Split('`')[0]
    let losses = [ for at in 0 .. probe.Losses.Length - 1 -> Some at ]

    for loss in (if (probe.Inputs batch).IsEmpty then losses else None :: losses) do
        for training in [ true; false ] do
            let subject, inputs, record = drawn entry loss training 1UL
            let parameters = List.ofSeq subject.Model.Parameters
            Gradients.expectGradient $"{name} (model)" (RandomStream 2UL) inputs parameters record

/// What the shapes in the description multiply to.
let private described (model: Layer<'T>) =
    Regex.Matches(model.Describe(), @"\[([\d, ]*)\]")
    |> Seq.sumBy (fun found ->
        found.Groups[1].Value.Split(',') |> Array.fold (fun count extent -> count * int64 extent) 1L)

/// The whole law of a model.
let private law index (entry: Entry) =
    let one: uint64 -> Subject<float32> = subject<float32> entry

    testList
        $"{index} {entry.Class.Name.Split('`')[0]} {entry.Settings}"
        [
            testCase "the gradients of all inputs and parameters agree with central differences" (fun () ->
                expectGradients entry)

            testCase "names differ, stay, and the count is that of the shapes and of the description" (fun () ->
                let model, wide = (one 1UL).Model, (subject<float> entry 2UL).Model
                let names = [ for stored in storedIn model -> stored.Name ]
                Expect.equal (List.distinct names) names "unique"
                Expect.equal [ for stored in storedIn wide -> stored.Name ] names "the same in double"
                let count = model.Parameters |> Seq.sumBy (fun parameter -> int64 parameter.Value.Length)
                Expect.equal model.ParameterCount count "count"
                Expect.equal (described model) count "description")

            testCase
                "inputs of another shape and labels that do not fit are refused, and the message names both"
                (fun () ->
                    let subject = one 1UL

                    for fragments, ask in subject.Refused do
                        let message =
                            try
                                ask (Tape<float32>(training = true, random = RandomStream 1UL)) |> ignore
                                failtestf "nothing was refused, expected %A" fragments
                            with :? ArgumentException as refusal ->
                                refusal.Message

                        for fragment in fragments do
                            Expect.stringContains message fragment "message")

            testCase
                "in inference an example's answer depends on no other, nor on its place; it is that of evaluation"
                (fun () ->
                    let subject = subject<float> entry 1UL |> shaken 2UL
                    let y = answers subject batch
                    let among = answers subject [ 9; 2; 8; 7 ]
                    Expect.equal among[1] y[1] "among others, to the bit"
                    let evaluated, recorded = answer _.Evaluation() subject batch
                    Expect.equal evaluated y "evaluation, to the bit"
                    Expect.isGreaterThan recorded 0 "evaluation records"
                    Expect.equal (snd (answer _.Inference() subject batch)) 0 "inference records nothing"
                    // Another place, or a batch of another size, can fall to another end of a kernel's vectors.
                    expectClose
                        1e-12
                        (Array.concat (answers subject [ 3; 1; 4; 2 ]))
                        (Array.concat [ y[2]; y[0]; y[3]; y[1] ])
                        "order"

                    expectClose 1e-12 (Array.concat (answers subject [ 3 ])) y[2] "alone")

            testCase "inference leaves parameters, buffers and gradients alone; training moves every buffer" (fun () ->
                let subject = one 1UL |> shaken 2UL

                for parameter in subject.Model.Parameters do
                    parameter.Gradient.Span.Fill 3f

                let before, marks = numbersOf subject.Model, gradientsOf subject.Model
                answers subject batch |> ignore
                Expect.equal (numbersOf subject.Model) before "numbers"
                Expect.equal (gradientsOf subject.Model) marks "gradients"
                answer (under true) subject batch |> ignore
                let buffers = set [ for buffer in subject.Model.Buffers -> buffer.Name ]

                for (name, old), (_, now) in List.zip before (numbersOf subject.Model) do
                    Expect.equal (now <> old) (buffers.Contains name) name)

            testCase "equal seeds give equal bits, before training and after; another seed gives others" (fun () ->
                let run seed =
                    let subject = one seed
                    let start = numbersOf subject.Model
                    start, [ for loss in subject.Losses -> train subject entry 3 loss ], numbersOf subject.Model

                let start, losses, trained = run 1UL
                Expect.equal (run 1UL) (start, losses, trained) "the same"
                let other, otherLosses, otherTrained = run 2UL
                Expect.notEqual other start "start"
                Expect.notEqual otherLosses losses "losses"
                Expect.notEqual otherTrained trained "trained")

            testCase "it comes back from its file alone: class, settings, numbers and answers to the bit" (fun () ->
                withPath (fun path ->
                    let subject = one 1UL |> shaken 2UL
                    let model = subject.Model
                    ModelFile.Save(path, model)
                    let loaded = ModelFile.Load<Layer<float32>> path
                    Expect.equal (loaded.GetType()) (model.GetType()) "class"
                    Expect.equal (numbersOf loaded) (numbersOf model) "numbers"
                    Expect.equal (answers (asked loaded) batch) (answers subject batch) "answers"
                    let again = path + ".again"
                    ModelFile.Save(again, loaded)
                    let settings (path: string) = (SafeTensors.Read path).Metadata["settings"]
                    Expect.equal (settings again) (settings path) "settings"
                    File.Delete again))

            testCase "the loss starts near that of answers without information" (fun () ->
                for at in 0 .. (one 1UL).Losses.Length - 1 do
                    let starts =
                        [
                            for seed in 1UL .. 20UL do
                                let subject = one seed
                                fst (run true (usedTape ()) subject subject.Losses[at])
                        ]

                    let loss = (one 1UL).Losses[at]

                    Expect.isLessThan
                        (abs (List.average starts - loss.Uninformed))
                        entry.Start
                        $"{loss.Name}: {starts}")

            testCase "one batch is learned by heart" (fun () ->
                for at in 0 .. (one 1UL).Losses.Length - 1 do
                    let subject = one 1UL
                    let loss = subject.Losses[at]
                    // Another player that has learned something: a fresh one may be all but flat.
                    Option.iter (shake 3UL) subject.Other
                    let start = numbersOf subject.Model
                    let losses = train subject entry entry.Steps loss
                    Expect.isLessThan (List.last losses) (loss.Learned losses.Head) $"{loss.Name}, from {losses.Head}"

                    for (name, before), (_, after) in List.zip start (numbersOf subject.Model) do
                        Expect.notEqual after before $"{loss.Name} trains {name}")

            testCase "single precision and double agree on answers, losses and gradients" (fun () ->
                let narrow = one 1UL
                let wide = widened narrow
                let flat (rows: float[] list) = Array.concat rows
                let scale (x: float[]) = x |> Array.map abs |> Array.fold max 1.0

                let agree (actual: float[]) (expected: float[]) message =
                    expectClose (1e-3 * scale expected) actual expected message

                agree (Array.concat (answers narrow batch)) (Array.concat (answers wide batch)) "answers"

                for loss, other in List.zip narrow.Losses wide.Losses do
                    let value, gradients = run true (usedTape ()) narrow loss
                    let wideValue, wideGradients = run true (usedTape ()) wide other
                    agree [| value |] [| wideValue |] loss.Name

                    agree
                        (flat [ for g in gradients -> Array.map float g ])
                        (flat wideGradients)
                        $"gradient of {loss.Name}")

            testCase "a tape that was used gives what a fresh one does, to the bit" (fun () ->
                let subject = one 1UL

                for loss in subject.Losses do
                    let fresh = run false (Tape<float32>()) subject loss
                    Expect.equal (run false (usedTape ()) subject loss) fresh loss.Name)
        ]

[<Tests>]
let tests =
    testList
        "Models.Law"
        [
            testCase "every model of the core is among them" (fun () ->
                let covered = [ for entry in entries -> entry.Class.Name ] |> List.distinct
                Expect.equal (List.sort covered) (List.sort classes) "classes")

            for index, entry in List.indexed entries do
                law index entry
        ]
