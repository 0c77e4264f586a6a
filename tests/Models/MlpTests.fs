module Hybrid.Tests.Models.MlpTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Checks
open Hybrid.Data
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Support

let private settings inputs (hidden: int list) outputs activation scale =
    MlpSettings(Inputs = inputs, Hidden = hidden, Outputs = outputs, Activation = activation, Scale = scale)

let private model settings seed = Mlp<float>(settings, RandomStream seed)

let private kinds = List.ofArray (Enum.GetValues<ActivationKind>())

let private isGated kind = List.contains kind [ ActivationKind.Glu; ActivationKind.GeGlu; ActivationKind.SwiGlu ]

/// Where a kind, or its derivative, breaks off.
let private kinksOf kind =
    match kind with
    | ActivationKind.Relu
    | ActivationKind.LeakyRelu
    | ActivationKind.PRelu
    | ActivationKind.Elu
    | ActivationKind.Selu -> [ 0.0 ]
    | ActivationKind.HardTanh -> [ -1.0; 1.0 ]
    | ActivationKind.HardSigmoid
    | ActivationKind.HardSwish -> [ -3.0; 3.0 ]
    | _ -> []

/// Biases start at zero, which would hide a bias that is left out.
let private withBiases (random: RandomStream) (model: Mlp<float>) =
    for parameter in model.Parameters do
        if parameter.Name.EndsWith "bias" then
            let values = floats (normal random [ parameter.Value.Length ])
            values.AsSpan().CopyTo parameter.Value.Span

    model

let private logits (model: Mlp<float>) (x: Tensor<float>) = valueOf [ x ] (fun _ x -> model.Logits(x[0]))

let private lossOf (model: Mlp<float>) (x: Tensor<float>) labels =
    (valueOf [ x ] (fun _ x -> model.Loss(x[0], labels))).ToScalar()

/// How near what goes into any activation comes to a kink.
let private distanceToKink kind (model: Mlp<float>) (x: Tensor<float>) =
    let tape = Tape<float>()
    model.Logits(tape.Input x) |> ignore

    Seq.min
        [
            infinity
            for made in tape.Recorded do
                if made.Place.StartsWith "hidden" && made.Rule = "Linear" then
                    for value in floats made.Value do
                        for kink in kinksOf kind do
                            abs (value - kink)
        ]

/// A model and a batch that comes near no kink; the seed is raised until that is so. A step of a parameter can move what goes into
/// a later layer by several steps, hence the wide margin.
let rec private drawn kind hidden rows seed =
    let random = RandomStream seed
    let model = model (settings 3 hidden 4 kind WeightScale.He) seed |> withBiases random
    let x = mapTensor ((*) 2.0) (normal random [ rows; 3 ])

    if distanceToKink kind model x < 200.0 * GradCheck.Step then
        drawn kind hidden rows (seed + 1UL)
    else
        model, x, Array.init rows (fun _ -> random.NextBelow 4)

/// Logits and loss, with respect to the input and every parameter.
let private expectGradients (random: RandomStream) (model: Mlp<float>) (x: Tensor<float>) labels =
    let check = Gradients.expectGradient "Mlp (model)" random [ x ] (List.ofSeq model.Parameters)
    check (fun _ x -> model.Logits(x[0]))
    check (fun _ x -> model.Loss(x[0], labels))

let private digits =
    lazy
        (let path = IO.Path.Combine(Equations.root, "scripts", "data", "sklearn", "digits.csv.gz")
         Examples.FromTable(NumberTable.Read(path, 0), 10, 16.0))

let private train settings seed steps rate =
    let struct (x, labels) = digits.Value.Batch<float32>(ReadOnlySpan [| 0..47 |])
    let model = Mlp<float32>(settings, RandomStream seed)
    let adam = Adam<float32>(model.Parameters)
    let tape = Tape<float32>()

    let losses =
        [
            for _ in 1..steps do
                tape.Clear()
                adam.ZeroGradients()
                let loss = model.Loss(tape.Constant x, labels)
                tape.Backward loss
                adam.Step rate
                float (loss.Value.ToScalar())
        ]

    tape.Clear()
    let likeliest (row: float[]) = Array.IndexOf(row, Array.max row)
    let answers = model.Logits(tape.Constant x).Value |> rowsOf |> Array.map likeliest
    model, losses, answers, labels

[<Tests>]
let tests =
    testList
        "Models.Mlp"
        [
            for kind in kinds do
                if (kinksOf kind).IsEmpty then
                    property
                        5
                        $"{kind}: the gradients of input and parameters agree with central differences"
                        (fun sizes ->
                            let model, x, labels =
                                drawn kind [ sizes.Inner; sizes.Columns ] sizes.Batch (uint64 sizes.Seed)

                            expectGradients sizes.Random model x labels)
                else
                    testCase $"{kind}: the gradients of input and parameters agree with central differences" (fun () ->
                        for hidden in [ [ 5; 4 ]; [ 6 ] ] do
                            let model, x, labels = drawn kind hidden 3 1UL
                            expectGradients (RandomStream 2UL) model x labels)

            for kind in kinds do
                property 10 $"{kind}: linear maps with the function behind all but the last" (fun sizes ->
                    let random = sizes.Random
                    let settings = settings sizes.Inner [ sizes.Columns; 3 ] sizes.Rows kind WeightScale.LeCun
                    let model = model settings (uint64 sizes.Seed) |> withBiases random
                    let x = normal random [ sizes.Batch; sizes.Inner ]
                    let values = model.Parameters |> Seq.map (fun p -> p.Name, p.Value) |> Map.ofSeq

                    let expected =
                        valueOf [ x ] (fun tape x ->
                            let linear name (y: Variable<float>) =
                                let find part = tape.Constant values[$"{name}.{part}"]
                                y.Linear(find "weight", find "bias")

                            let hidden y name =
                                match kind with
                                | ActivationKind.Glu -> (linear $"{name}.value" y).Glu(linear $"{name}.gate" y)
                                | ActivationKind.GeGlu -> (linear $"{name}.value" y).GeGlu(linear $"{name}.gate" y)
                                | ActivationKind.SwiGlu -> (linear $"{name}.value" y).SwiGlu(linear $"{name}.gate" y)
                                | _ -> Activation<float>(kind).Apply(linear name y)

                            [ "hidden.0"; "hidden.1" ] |> List.fold hidden x[0] |> linear "output")

                    Expect.equal (floats (logits model x)) (floats expected) "logits")

            testCase "without a hidden layer it is a linear classifier" (fun () ->
                let random = RandomStream 1UL
                let model = model (settings 5 [] 3 ActivationKind.Relu WeightScale.LeCun) 2UL |> withBiases random
                Expect.equal [ for p in model.Parameters -> p.Name ] [ "output.weight"; "output.bias" ] "parameters"
                let x = normal random [ 2; 4; 5 ]
                let p = model.Parameters |> Seq.map _.Value |> List.ofSeq

                Expect.equal
                    (floats (logits model x))
                    (floats (valueOf (x :: p) (fun _ x -> x[0].Linear(x[1], x[2]))))
                    "logits of any leading axes"

                let flat = tensor [ 8; 5 ] (floats x)
                let labels = Array.init 8 (fun i -> i % 3)

                let longhand =
                    Array.zip (rowsOf (logits model x)) labels
                    |> Array.averageBy (fun (row, label) -> log (row |> Array.sumBy exp) - row[label])

                expectNear 1e-13 (lossOf model flat labels) longhand "loss")

            property 25 "parameters are as many as by hand, and named after their layer" (fun sizes ->
                for kind in kinds do
                    let hidden = [ sizes.Inner; sizes.Columns ]
                    let model = model (settings sizes.Rows hidden 7 kind WeightScale.He) 1UL
                    let pairs = List.pairwise (sizes.Rows :: hidden)
                    let maps = if isGated kind then 2 else 1
                    let slopes = if kind = ActivationKind.PRelu then 2 else 0
                    let inHidden = pairs |> List.sumBy (fun (before, after) -> maps * (before * after + after))
                    Expect.equal model.ParameterCount (int64 (inHidden + slopes + 7 * sizes.Columns + 7)) $"{kind}"

                    let namesIn layer =
                        [
                            if isGated kind then
                                for part in [ "value"; "gate" ] do
                                    $"{layer}.{part}.weight"
                                    $"{layer}.{part}.bias"
                            else
                                $"{layer}.weight"
                                $"{layer}.bias"

                            if kind = ActivationKind.PRelu then
                                $"{layer}.activation.slope"
                        ]

                    Expect.equal
                        [ for parameter in model.Parameters -> parameter.Name ]
                        (List.collect namesIn [ "hidden.0"; "hidden.1" ] @ [ "output.weight"; "output.bias" ])
                        "names")

            testCase "biases start at 0, weights with the variance of the scale" (fun () ->
                for scale in Enum.GetValues<WeightScale>() do
                    let model = model (settings 100 [ 300; 80 ] 120 ActivationKind.Relu scale) 1UL

                    for parameter in model.Parameters do
                        let square = floats parameter.Value |> Array.averageBy (fun value -> value * value)

                        if parameter.Name.EndsWith "bias" then
                            Expect.equal square 0.0 parameter.Name
                        else
                            let extents = parameter.Value.Shape.ToArray()
                            // Five standard errors of a mean of squares of normal numbers.
                            let error = 5.0 * sqrt (2.0 / float parameter.Value.Length)
                            expectNear error (square / scale.Variance(extents[0], extents[1])) 1.0 parameter.Name)

            testCase "with a small output layer the loss starts at ln of the classes, whatever the labels" (fun () ->
                for kind in kinds do
                    let random = RandomStream 3UL
                    let model = model (settings 20 [ 30 ] 10 kind WeightScale.LeCun) 1UL
                    let output = model.Parameters |> Seq.find (fun parameter -> parameter.Name = "output.weight")
                    let x, labels = normal random [ 40; 20 ], Array.init 40 (fun _ -> random.NextBelow 10)

                    let scaled factor =
                        for i in 0 .. output.Value.Length - 1 do
                            output.Value.Span[i] <- factor * output.Value.Span[i]

                        lossOf model x labels

                    expectNear 0.005 (scaled 0.01) (log 10.0) $"{kind}, small"
                    expectNear 1e-14 (scaled 0.0) (log 10.0) $"{kind}, zero")

            for kind in [ ActivationKind.Relu; ActivationKind.Tanh; ActivationKind.PRelu; ActivationKind.SwiGlu ] do
                testCase
                    $"{kind}: a batch of digits is learned by heart, to a loss of nearly 0 without a mistake"
                    (fun () ->
                        let _, losses, answers, labels =
                            train (settings 64 [ 32; 24 ] 10 kind WeightScale.He) 1UL 150 0.01

                        Expect.isGreaterThan losses.Head 1.0 "at the start"
                        Expect.isLessThan (List.last losses) 0.01 "at the end"
                        Expect.equal answers labels "answers")

            testCase "two runs with one seed are equal to the bit, with another they are not" (fun () ->
                for kind in [ ActivationKind.PRelu; ActivationKind.GeGlu ] do
                    let run seed =
                        let model, losses, _, _ = train (settings 64 [ 40; 24 ] 10 kind WeightScale.He) seed 10 0.01
                        losses, [ for parameter in model.Parameters -> parameter.Value.ToArray() ]

                    Expect.equal (run 1UL) (run 1UL) $"{kind}, same seed"
                    Expect.notEqual (run 1UL) (run 2UL) $"{kind}, another seed")

            property 10 "the logits of a row do not depend on the other rows, nor on its place" (fun sizes ->
                for kind in kinds do
                    let random = sizes.Random
                    let settings = settings sizes.Inner [ 6; sizes.Columns ] 4 kind WeightScale.He
                    let model = model settings (uint64 sizes.Seed) |> withBiases random
                    let rows = sizes.Rows + 1
                    let x = normal random [ rows; sizes.Inner ]
                    let y = logits model x

                    // NaN in every other row would show in any sum over the batch.
                    for kept in 0 .. rows - 1 do
                        let other =
                            rowsOf x
                            |> Array.mapi (fun i row -> if i = kept then row else Array.map (fun _ -> nan) row)

                        let alone = logits model (tensor [ rows; sizes.Inner ] (Array.concat other))
                        Expect.equal (row kept alone) (row kept y) $"{kind}, row {kept} among NaN"

                        expectClose
                            1e-13
                            (row 0 (logits model (rowAt kept x)))
                            (row kept y)
                            $"{kind}, row {kept} alone"

                    let order = permutation random rows

                    expectClose
                        1e-13
                        (floats (logits model (permuteRows order x)))
                        (floats (permuteRows order y))
                        "order")

            testCase "widths that are not positive are refused, wherever they stand" (fun () ->
                for kind in [ ActivationKind.Relu; ActivationKind.SwiGlu ] do
                    for inputs, hidden, outputs, bad in
                        [
                            0, [ 4 ], 3, "0"
                            -2, [ 4 ], 3, "-2"
                            5, [ 0 ], 3, "0"
                            5, [ 4; -1 ], 3, "-1"
                            5, [ 0; 4 ], 3, "0"
                            5, [ 4 ], 0, "0"
                            5, [], -7, "-7"
                            0, [], 3, "0"
                        ] do
                        refuses<ArgumentOutOfRangeException, _>
                            [ "Every size of a model must be positive"; $"Actual value was {bad}." ]
                            (fun () -> model (settings inputs hidden outputs kind WeightScale.He) 1UL))

            testCase "inputs of another width and labels that do not fit are refused" (fun () ->
                let model = model (settings 5 [ 4 ] 3 ActivationKind.Relu WeightScale.He) 1UL
                let tape = Tape<float>()
                let x = tape.Input(zeros [ 2; 5 ])

                refuses<ShapeException, _> [ "x must be [..., 5]" ] (fun () ->
                    model.Logits(tape.Input(zeros [ 2; 4 ])))

                for labels in [ [| 1 |]; [| 1; 2; 0 |] ] do
                    refuses<ShapeException, _> [ $"{labels.Length}" ] (fun () -> model.Loss(x, labels))

                for label in [ 3; -1 ] do
                    refuses<ArgumentOutOfRangeException, _> [ $"{label}" ] (fun () -> model.Loss(x, [| 0; label |])))

            testCase
                "the settings name a run: widths, activation, scale; a rectifier with He weights if nothing is said"
                (fun () ->
                    Expect.equal
                        (string (settings 64 [ 32; 16 ] 10 ActivationKind.SwiGlu WeightScale.LeCun))
                        "64-32-16-10 SwiGlu LeCun"
                        "gated"

                    Expect.equal (string (MlpSettings(Inputs = 4, Hidden = [], Outputs = 3))) "4-3 Relu He" "the least")
        ]
