/// Every rule of the core by itself, with a free batch and, where -1 stands, a free time; what cannot be exported; and a wrong file.
module Hybrid.Tests.Onnx.RuleTests

open System
open System.IO
open System.Reflection
open Expecto
open Microsoft.ML.OnnxRuntime
open Hybrid.Autodiff
open Hybrid.Onnx
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Text
open Hybrid.Tests.Support
open Hybrid.Tests.Onnx.Runtime

type private V = Variable<float32>

let private several name (extents: int list list) (f: V[] -> V) = name, (extents, f)
let private one name (f: V -> V) = several name [ [ 0; 3; 4 ] ] (fun x -> f x[0])
let private two name (f: V -> V -> V) = several name [ [ 0; 3; 4 ]; [ 0; 1; 4 ] ] (fun x -> f x[0] x[1])
let private gate name (f: V -> V -> V) = several name [ [ 0; 4 ]; [ 0; 4 ] ] (fun x -> f x[0] x[1])
let private image name (f: V -> V) = several name [ [ 0; 6; 7; 4 ] ] (fun x -> f x[0])
let private positive (x: V) = x.Square() + 0.5
let private joined (struct (a: V, b: V)) = a.Concatenate b

let private convolution name extents (f: V -> V -> V -> int -> Padding -> V) =
    several name [ [ 0; 6; 7; 4 ]; extents; [ 5 ] ] (fun x -> f x[0] x[1] x[2] 2 (Padding(1, 0, 2, 1)))

let private normalized name f = several name [ [ 0; 5; 4 ]; [ 4 ]; [ 4 ] ] (fun (x: V[]) -> f x[0] x[1] x[2]: V)

let private fixedBy name (f: V -> V -> V -> V -> V -> V) =
    several name [ [ 0; 5; 4 ]; [ 4 ]; [ 4 ]; [ 4 ]; [ 4 ] ] (fun x -> f x[0] x[1] x[2] x[3] (positive x[4]))

let private attention name time groups mask =
    several name [ [ 0; time; 12 ]; [ 0; time; 3 * groups ]; [ 0; time; 2 * groups ] ] (fun x ->
        let struct (y, weights) = x[0].Attention(x[1], x[2], 4, 0.6, mask, Nullable groups)
        y + weights.Mean([| 1; 3 |], false).Reshape(x[0].Shape[0], x[0].Shape[1], 1))

/// Alike in each row, whatever the batch.
let private mask (x: V) = Tensor.From(x.Shape, ReadOnlySpan(Array.init x.Shape.Length (fun i -> float32 (i % 4 / 2))))

let private rules =
    [
        one "Abs" _.Abs()
        two "Add" (fun a b -> a + b)
        image "AveragePool2d" _.AveragePool2d(2, 3)
        normalized "BatchNorm" (fun x gain bias ->
            let struct (y, _, _) = x.BatchNorm(gain, bias)
            y)
        fixedBy "BatchNormFixed" (fun x gain bias mean variance -> x.BatchNormFixed(gain, bias, mean, variance, 0.1))
        several "BatchNormFixed" [ [ 0; 4 ]; [ 4 ]; [ 4 ] ] (fun x ->
            x[0].BatchNormFixed(x[1], x[2], x[1], positive x[2]))
        normalized "BatchNormRelu" (fun x gain bias ->
            let struct (y, _, _) = x.BatchNormRelu(gain, bias)
            y)
        fixedBy "BatchNormReluFixed" (fun x gain bias mean variance -> x.BatchNormReluFixed(gain, bias, mean, variance))
        several "BinaryCrossEntropy" [ [ 4 ] ] (fun x -> x[0].BinaryCrossEntropy 0.3)
        several "BinaryCrossEntropyEach" [ [ 4 ] ] (fun x -> x[0].BinaryCrossEntropy(tensor [ 4 ] [ 0f; 1f; 1f; 0.5f ]))
        one "Clamp" _.Clamp(-0.3, 0.5)
        two "Concatenate" (fun a b -> a.Concatenate(b, 1))
        convolution "Conv2d" [ 3; 2; 4; 5 ] (fun x w b stride padding -> x.Conv2d(w, b, stride, padding))
        several "Conv2d" [ [ 0; 5; 5; 2 ]; [ 3; 3; 2; 3 ] ] (fun x -> x[0].Conv2d x[1])
        convolution "ConvTranspose2d" [ 3; 4; 5; 4 ] (fun x w b stride padding ->
            x.ConvTranspose2d(w, b, stride, padding))
        two "Divide" (fun a b -> a / positive b)
        one "Elu" _.Elu(0.7)
        several "Embedding" [ [ 7; 4 ]; [ 0; 4 ] ] (fun x ->
            (nonNull x[0].Tape).Embedding([| 3; 0; 3 |], shape [ 3; 1 ], 1.5, x[0]) + x[1])
        one "Exp" _.Exp()
        several "Gather" [ [ 7; 4 ]; [ 0; 4 ] ] (fun x -> x[0].Gather([| 3; 0; 3 |], shape [ 3; 1 ]) + x[1])
        gate "GeGlu" (fun a b -> a.GeGlu b)
        one "Gelu" _.Gelu()
        one "GeluTanh" _.GeluTanh()
        image "GlobalAveragePool" _.GlobalAveragePool()
        gate "Glu" (fun a b -> a.Glu b)
        normalized "GroupNorm" (fun x gain bias -> x.GroupNorm(2, gain, bias))
        several "Gru" [ [ 0; 6 ]; [ 0; 6 ]; [ 0; 2 ] ] (fun x -> x[0].Gru(x[1], x[2]))
        one "HardSigmoid" (fun x -> (3.0 * x).HardSigmoid())
        one "HardSwish" (fun x -> (3.0 * x).HardSwish())
        one "HardTanh" _.HardTanh()
        normalized "LayerNorm" (fun x gain bias -> x.LayerNorm(gain, bias, 0.1))
        one "LeakyRelu" _.LeakyRelu(0.1)
        several "Linear" [ [ 0; 3; 4 ]; [ 4; 5 ]; [ 5 ] ] (fun x -> x[0].Linear(x[1], x[2]))
        several "Linear" [ [ 0; 4 ]; [ 4; 5 ] ] (fun x -> x[0].Linear x[1])
        several "LinearRelu" [ [ 0; 4 ]; [ 4; 5 ]; [ 5 ] ] (fun x -> x[0].LinearRelu(x[1], x[2]))
        several "LinearTransposed" [ [ 0; 4 ]; [ 5; 4 ] ] (fun x -> x[0].LinearTransposed x[1])
        one "Log" (fun x -> (positive x).Log())
        one "LogSigmoid" (fun x -> (100.0 * x).LogSigmoid())
        one "LogSoftmax" _.LogSoftmax()
        one "LogSumExp" _.LogSumExp(1, true)
        several "Lstm" [ [ 0; 8 ]; [ 0; 2 ] ] (fun x -> joined (x[0].Lstm x[1]))
        several "MatMul" [ [ 0; 3; 4 ]; [ 0; 4; 2 ] ] (fun x -> x[0].MatMul x[1])
        one "Max" (fun x -> x.Max([| 1; -1 |], true))
        image "MaxPool2d" _.MaxPool2d(3, 2, 1)
        two "Maximum" (fun a b -> a.Maximum b)
        one "Maxout" _.Maxout(2)
        one "Mean" _.Mean(1)
        two "Minimum" (fun a b -> a.Minimum b)
        one "Mish" _.Mish()
        two "Multiply" (fun a b -> a * b)
        one "Negate" (fun x -> -x)
        one "NormalCdf" _.NormalCdf()
        several "PRelu" [ [ 0; 3; 4 ]; [ 4 ] ] (fun x -> x[0].PRelu x[1])
        image "PadShortcut" _.PadShortcut(2, 6)
        one "Permute" _.Permute(1, 0, 2)
        one "Power" (fun x -> (positive x).Power 1.7)
        one "Relu" _.Relu()
        one "Reshape" (fun x -> x.Reshape(x.Shape[0], 2, 6))
        one "Reshape" (fun x -> x.Reshape(3 * x.Shape[0], 4))
        several "RmsNorm" [ [ 0; 4 ]; [ 4 ] ] (fun x -> x[0].RmsNorm x[1])
        several "Rope" [ [ 0; -1; 8 ] ] (fun x -> x[0].Rope(2, 3))
        one "Scale" _.Scale(-1.3)
        one "Selu" _.Selu()
        one "Sigmoid" (fun x -> (100.0 * x).Sigmoid())
        one "Slice" _.Slice(2, 1, 2)
        several "Slice" [ [ 0; -1; 4 ] ] (fun x -> x[0].Slice(1, x[0].Shape[1] - 2, 2))
        several "Slice" [ [ 0; -1; 4 ] ] (fun x -> x[0].Slice(1, 1, x[0].Shape[1] - 2))
        one "Softmax" (fun x -> (100.0 * x).Softmax())
        one "Softplus" (fun x -> (100.0 * x).Softplus())
        one "Split" (fun x ->
            let struct (a, b) = x.Split2()
            a - 2.0 * b)
        one "Sqrt" (fun x -> (positive x).Sqrt())
        one "Square" _.Square()
        gate "SquaredError" (fun a b -> a.SquaredError b)
        gate "Stack" (fun a b -> [ a; b ].Stack 1)
        two "Subtract" (fun a b -> a - b)
        one "Sum" (fun x -> x.Sum([| 0; 2 |], true))
        gate "SwiGlu" (fun a b -> a.SwiGlu b)
        one "Swish" _.Swish(1.3)
        one "Tanh" _.Tanh()
        one "Transpose" _.Transpose()
        image "Upsample" _.Upsample(2)
        one "Where" (fun x -> x.Where(mask x, -x))
        attention "Attention" 5 4 AttentionMask.None
        attention "Attention" -1 2 AttentionMask.Causal
        attention "Attention" 5 1 (AttentionMask.CausalFrom 0)
    ]

/// What only training has, or what says of each example of a batch something else.
let private refused =
    [
        one "CrossEntropy" (fun x -> x.CrossEntropy(Array.zeroCreate (3 * x.Shape[0])))
        one "CrossEntropyPerRow" (fun x -> x.CrossEntropyPerRow(Array.zeroCreate (3 * x.Shape[0])))
        one "Dropout" (fun x ->
            use _ = (nonNull x.Tape).Training(RandomStream 1UL)
            x.Dropout 0.5)
        several "Pick" [ [ 0; 4 ] ] (fun x -> x[0].Pick(Array.zeroCreate x[0].Shape[0]))
        one "ScatterAdd" (fun x -> x.ScatterAdd(Array.zeroCreate x.Shape[0], 2))
    ]

let private batch, time = OnnxAxis "batch", OnnxAxis("time", 9)

let private save (extents: int list list, f: V[] -> V) path =
    let axis extent =
        match extent with
        | 0 -> batch
        | -1 -> time
        | extent -> OnnxAxis.op_Implicit extent

    OnnxFile.Save(
        path,
        "y",
        fun (pass: OnnxPass) ->
            [| for i, input in List.indexed extents -> pass.Numbers($"x{i}", Array.ofList (List.map axis input)) |]
            |> f
    )

let private drawn (extents: int list list) rows steps =
    let random = RandomStream 1UL

    let extent =
        function
        | 0 -> rows
        | -1 -> steps
        | extent -> extent

    [ for input in extents -> normal random (List.map extent input) |> toSingle ]

let private pair (_, f: V[] -> V) (x: Tensor<float32> list) session =
    run session [ for i, x in List.indexed x -> input $"x{i}" (numbers x) ], valueOf x (fun _ x -> f x)

/// Rules by class and what their method is called behind Forward.
let private there =
    [
        for found in typeof<Shape>.Assembly.GetExportedTypes() do
            if found.Namespace = "Hybrid.Rules" then
                for forward in found.GetMethods(BindingFlags.Public ||| BindingFlags.Static) do
                    if forward.Name.StartsWith "Forward" then
                        found.Name + forward.Name.Substring "Forward".Length
    ]
    |> List.distinct

/// Rows with a constant behind them, a number for each row and step.
let private constant (number: int -> int -> float32) =
    several "Concatenate" [ [ 0; -1; 3 ] ] (fun x ->
        let rows, steps = x[0].Shape[0], x[0].Shape[1]

        let values =
            [
                for row in 1..rows do
                    for step in 1..steps -> number row step
            ]

        x[0].Concatenate((nonNull x[0].Tape).Constant(tensor [ rows; steps; 1 ] values)))
    |> snd

let private own name =
    several name [ [ 0; 3 ] ] (fun x ->
        let tape = nonNull x[0].Tape
        use _ = tape.At "encoder.0"
        tape.Record(Operation name, struct (x[0].Value, Pullback(fun _ _ -> ())), x[0]))
    |> snd

let private refusesCase fragments case =
    withFolder (fun folder ->
        refuses<NotSupportedException, _> fragments (fun () -> save case (Path.Combine(folder, "x.onnx"))))

let private agrees rows steps case session =
    let theirs, ours = pair case (drawn (fst case) rows steps) session
    Expect.equal theirs.Shape ours.Shape "shape"
    distance theirs ours < 1e-5 * max 1.0 (norm (floats ours))

[<Tests>]
let tests =
    testList
        "Onnx.Rules"
        [
            for i, (name, case) in List.indexed rules do
                testCase $"{i}: {name} computes what the core does" (fun () ->
                    withSession (save case) (fun session ->
                        for rows, steps in [ 1, 2; 5, 7 ] do
                            Expect.isTrue (agrees rows steps case session) $"{rows} rows, {steps} steps"))

            testCase "every rule of the core is exported or refused" (fun () ->
                let said = List.map fst rules @ List.map fst refused |> List.distinct
                Expect.equal (List.sort said) (List.sort there) "rules")

            for name, case in refused do
                testCase $"{name} is refused by its name" (fun () ->
                    refusesCase [ name.Replace("Each", ""); "OnnxRules" ] case)

            testCase "a rule that nobody wrote down is refused with its place and the remedy" (fun () ->
                refusesCase [ "the rule Mine at 'encoder.0'"; "entry in OnnxRules" ] (own "Mine"))

            testCase "an attribute that was changed in the file is noticed" (fun () ->
                let case = normalized "LayerNorm" (fun x gain bias -> x.LayerNorm(gain, bias, 0.1)) |> snd

                let change path =
                    let bytes = File.ReadAllBytes path
                    let at = bytes.AsSpan().IndexOf(ReadOnlySpan(BitConverter.GetBytes 0.1f))
                    (BitConverter.GetBytes 0.2f).CopyTo(bytes, at)
                    File.WriteAllBytes(path, bytes)

                Expect.isTrue (withSession (save case) (agrees 5 0 case)) "as written"
                Expect.isFalse (withChanged change (save case) (agrees 5 0 case)) "changed")

            testCase "a constant that is as long as a free axis goes with it" (fun () ->
                let agreesFor steps case = withSession (save case) (agrees 5 steps case)
                Expect.isTrue (constant (fun _ _ -> 2f) |> agreesFor 12) "the same everywhere"
                let positions = constant (fun _ step -> float32 step)
                Expect.isTrue (agreesFor 9 positions) "a table of positions"

                Expect.throwsT<OnnxRuntimeException>
                    (fun () -> agreesFor 12 positions |> ignore)
                    "a sequence longer than the table")

            testCase "what a trace cannot free is refused, with the axis" (fun () ->
                refusesCase [ "'batch'"; "with other numbers" ] (constant (fun row _ -> float32 row))

                let ends = several "" [ [ 0; -1; 3 ] ] >> snd
                let apart = ends (fun x -> x[0].Reshape(x[0].Shape[1], x[0].Shape[0], 3))
                refusesCase [ "Reshape"; "several axes"; "fix the extent" ] apart
                refusesCase [ "Slice"; "in the middle" ] (ends (fun x -> x[0].Slice(1, x[0].Shape[1] / 2, 1)))
                refusesCase [ "Scale"; "factor"; "'time'" ] (ends (fun x -> x[0].Scale(float x[0].Shape[1])))
                let loop (x: V[]) = Seq.fold (fun (y: V) _ -> y.Tanh()) x[0] (seq { 1 .. x[0].Shape[1] })
                refusesCase [ "9 rules, and 4"; "'time'"; "fix the extent" ] (ends loop)

                let attending rows (mask: V -> AttentionMask) =
                    several "" [ [ rows; -1; 3 ] ] (fun x ->
                        let struct (y, _) = x[0].Attention(x[0], x[0], 1, 1.0, mask x[0])
                        y)
                    |> snd

                refusesCase [ "padding of no input" ] (attending 2 (fun _ -> AttentionMask.Padding [| 1; 2 |]))
                let causalIfLong (x: V) = if x.Shape[1] > 5 then AttentionMask.Causal else AttentionMask.None
                refusesCase [ "mask is of another kind" ] (attending 0 causalIfLong))

            testCase "parameters may be called as inputs, outputs and each other" (fun () ->
                let parameters =
                    [ for i in 1..4 -> Parameter((if i < 4 then $"x{i - 1}" else "y"), tensor [ 1 ] [ float32 i ]) ]

                let twice = Parameter("y", tensor [ 1 ] [ 9f ])
                let sum (x: V[]) = Seq.fold (fun (y: V) parameter -> y * 0.5 + parameter) x[0] (twice :: parameters)
                let case = several "" [ [ 0; 3 ] ] sum |> snd
                Expect.isTrue (withSession (save case) (agrees 5 0 case)) "names")
        ]
