module Hybrid.Tests.Rules.CrossEntropyTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Support
open Hybrid.Tests.Rules.Elementary.Naive

let private loss targets padding smoothing _ (x: Variable<_>[]) =
    x[0].CrossEntropy(targets, Option.toNullable padding, smoothing)

/// Logits, targets of which class 0 is sometimes padding but never all of them, and a smoothing.
let private drawn (sizes: Sizes) =
    let random = sizes.Random
    let classes = sizes.Columns + 1
    let logits = normal random [ sizes.Rows; classes ]
    let targets = Array.init sizes.Rows (fun i -> if i = 0 then 1 else random.NextBelow classes)
    let padding = if random.NextUniform() < 0.5 then Some 0 else None
    let smoothing = [| 0.0; 0.1; 0.5; 1.0 |][random.NextBelow 4]
    logits, targets, padding, smoothing

/// q of one row: 1 - smoothing on the target, the rest spread over all classes.
let private smoothed classes smoothing target =
    Array.init classes (fun k -> (if k = target then 1.0 - smoothing else 0.0) + smoothing / float classes)

let private softmax (x: float[]) =
    let powers = x |> Array.map (fun value -> exp (value - Array.max x))
    powers |> Array.map (fun power -> power / Array.sum powers)

/// The rows that count, each with its q.
let private counted (logits: Tensor<float>) (targets: int[]) (padding: int option) smoothing =
    Array.zip (rowsOf logits) targets
    |> Array.filter (fun (_, target) -> Some target <> padding)
    |> Array.map (fun (x, target) -> x, smoothed x.Length smoothing target)

let private properties =
    testList
        "properties"
        [
            property 25 "the gradient agrees with central differences, padding and smoothing included" (fun sizes ->
                let logits, targets, padding, smoothing = drawn sizes
                Gradients.expectRule "CrossEntropy" sizes.Random [ logits ] [] (loss targets padding smoothing)
                covers [ "CE-3" ])

            property 25 "equals the mean of -sum q log p, longhand" (fun sizes ->
                let logits, targets, padding, smoothing = drawn sizes

                let expected =
                    counted logits targets padding smoothing
                    |> Array.averageBy (fun (x, q) -> -(Array.map2 (fun q p -> q * log p) q (softmax x) |> Array.sum))

                expectNear 1e-13 ((valueOf [ logits ] (loss targets padding smoothing)).ToScalar()) expected "loss"
                covers [ "CE-1"; "CE-2" ])

            property 25 "the gradient is (p - q) / n, and 0 on padding" (fun sizes ->
                let logits, targets, padding, smoothing = drawn sizes
                let n = float (counted logits targets padding smoothing).Length

                let expected =
                    Array.zip (rowsOf logits) targets
                    |> Array.collect (fun (x, target) ->
                        if Some target = padding then
                            Array.zeroCreate x.Length
                        else
                            Array.map2 (fun p q -> (p - q) / n) (softmax x) (smoothed x.Length smoothing target))

                let _, dx = runAlong (Tensor.Scalar 1.0) [ logits ] (loss targets padding smoothing)
                expectClose 1e-14 (floats dx[0]) expected "p - q")

            property 25 "the gradient of every row sums to 0" (fun sizes ->
                let logits, targets, padding, smoothing = drawn sizes
                let _, dx = runDouble sizes.Random [ logits ] (loss targets padding smoothing)
                expectClose 1e-14 (rowsOf dx[0] |> Array.map Array.sum) (Array.zeroCreate sizes.Rows) "sums")

            property 25 "adding a constant to the logits changes neither loss nor gradient" (fun sizes ->
                let logits, targets, padding, smoothing = drawn sizes
                let one = Tensor.Scalar 1.0
                let value, dx = runAlong one [ logits ] (loss targets padding smoothing)
                let shifted, dshifted = runAlong one [ mapTensor ((+) 5.0) logits ] (loss targets padding smoothing)
                expectClose 1e-13 (floats shifted) (floats value) "loss"
                expectClose 1e-13 (floats dshifted[0]) (floats dx[0]) "gradient")

            property 25 "what stands in the padded rows changes nothing, to the bit" (fun sizes ->
                let logits, targets, _, smoothing = drawn sizes
                let other = logits.ToPersistent()

                for i in 0 .. sizes.Rows - 1 do
                    if targets[i] = 0 then
                        other[i, 0] <- 1e4

                let run x = runAlong (Tensor.Scalar 1.0) [ x ] (loss targets (Some 0) smoothing)
                let (a, da), (b, db) = run logits, run other
                Expect.equal (floats b, floats db[0]) (floats a, floats da[0]) "loss and gradient")

            property 25 "the loss of a batch is the mean of the losses of its rows" (fun sizes ->
                let logits, targets, _, smoothing = drawn sizes
                let alone i = (valueOf [ rowAt i logits ] (loss [| targets[i] |] None smoothing)).ToScalar()
                let together = (valueOf [ logits ] (loss targets None smoothing)).ToScalar()
                expectNear 1e-13 together (Seq.averageBy alone (seq { 0 .. sizes.Rows - 1 })) "mean")

            property 25 "the loss is never below the entropy of q, and reaches it where p is q" (fun sizes ->
                let logits, targets, _, _ = drawn sizes
                let q = smoothed logits.Shape.Columns 0.3
                let entropy = Seq.averageBy (fun target -> -(q target |> Array.sumBy (fun p -> p * log p))) targets
                Expect.isGreaterThan ((valueOf [ logits ] (loss targets None 0.3)).ToScalar() + 1e-12) entropy "bound"
                let best = Tensor.From(logits.Shape, ReadOnlySpan(targets |> Array.collect (q >> Array.map log)))
                expectNear 1e-13 ((valueOf [ best ] (loss targets None 0.3)).ToScalar()) entropy "reached")

            property 25 "equal logits cost ln of the number of classes, whatever the smoothing" (fun sizes ->
                let logits, targets, padding, smoothing = drawn sizes
                let equal = mapTensor (fun _ -> -2.0) logits
                let expected = log (float logits.Shape.Columns)

                expectNear
                    1e-14
                    ((valueOf [ equal ] (loss targets padding smoothing)).ToScalar())
                    expected
                    "ln classes")

            testCase "many rows, shared out over the workers, equal the mean of the same rows" (fun () ->
                let random = RandomStream 6UL
                let logits = normal random [ 400; 90 ]
                let targets = Array.init 400 (fun _ -> random.NextBelow 90)
                let value, dx = runAlong (Tensor.Scalar 400.0) [ logits ] (loss targets None 0.1)
                let alone i = runAlong (Tensor.Scalar 1.0) [ rowAt i logits ] (loss [| targets[i] |] None 0.1)
                let rows = Array.init 400 alone
                expectNear 1e-13 (value.ToScalar()) (rows |> Array.averageBy (fun (row, _) -> row.ToScalar())) "loss"
                expectClose 1e-13 (floats dx[0]) (rows |> Array.collect (fun (_, d) -> floats d[0])) "gradient")
        ]

let private extremes =
    testList
        "extremes"
        [
            testCase "logits of plus and minus 1e4 give a finite loss and gradient, in both precisions" (fun () ->
                let logits = tensor [ 2; 3 ] [ 1e4; -1e4; 0.0; 1e4; -1e4; 0.0 ]
                let double, dx = runAlong (Tensor.Scalar 2.0) [ logits ] (loss [| 1; 0 |] None 0.0)
                Expect.equal (double.ToScalar()) 1e4 "half of 2e4"
                Expect.equal (floats dx[0]) [| 1.0; -1.0; 0.0; 0.0; 0.0; 0.0 |] "gradient"
                let single = valueOf [ toSingle logits ] (loss [| 1; 0 |] None 0.0)
                Expect.equal (single.ToScalar()) 1e4f "float")

            testCase "a common offset of 1e4 costs no digits in float32, in loss and gradient" (fun () ->
                let gaps = [ 0.0; 1.0; 2.0; -1.0 ]
                let near = tensor [ 1; 4 ] gaps
                let far = toSingle (tensor [ 1; 4 ] (gaps |> List.map ((+) 1e4)))
                let expected, dexpected = runAlong (Tensor.Scalar 1.0) [ near ] (loss [| 3 |] None 0.1)
                let actual, dactual = runAlong (Tensor.Scalar 1f) [ far ] (loss [| 3 |] None 0.1)
                expectClose 1e-6 (floats actual) (floats expected) "loss"
                expectClose 1e-6 (floats dactual[0]) (floats dexpected[0]) "gradient")

            testCase
                "without smoothing, a class that is ruled out by a logit of minus infinity costs nothing"
                (fun () ->
                    let value, dx =
                        runAlong
                            (Tensor.Scalar 1.0)
                            [ tensor [ 1; 3 ] [ 0.0; -infinity; 0.0 ] ]
                            (loss [| 0 |] None 0.0)

                    expectNear 1e-15 (value.ToScalar()) (log 2.0) "loss"
                    expectClose 1e-15 (floats dx[0]) [| -0.5; 0.0; 0.5 |] "gradient")

            testCase "one class costs nothing and has gradient 0" (fun () ->
                let value, dx =
                    runAlong (Tensor.Scalar 1f) [ tensor [ 2; 1 ] [ 1e4f; -3f ] ] (loss [| 0; 0 |] None 0.1)

                Expect.equal (value.ToScalar()) 0f "loss"
                expectClose 1e-7 (floats dx[0]) [| 0.0; 0.0 |] "gradient")

            testCase "denormal logits count as zeros" (fun () ->
                let value = valueOf [ tensor [ 1; 2 ] [ Single.Epsilon; -Single.Epsilon ] ] (loss [| 1 |] None 0.0)
                expectClose 1e-7 (floats value) [| log 2.0 |] "ln 2")
        ]

let private perRow =
    let each (targets: int[]) (padding: int option) smoothing _ (x: Variable<_>[]) =
        x[0].CrossEntropyPerRow(targets, Option.toNullable padding, smoothing)

    testList
        "per row"
        [
            property 25 "the gradient agrees with central differences, padding and smoothing included" (fun sizes ->
                let logits, targets, padding, smoothing = drawn sizes
                Gradients.expectRule "CrossEntropyPerRow" sizes.Random [ logits ] [] (each targets padding smoothing)
                covers [ "CE-4" ])

            property 25 "is the loss of each row alone, 0 where the target is padding" (fun sizes ->
                let logits, targets, padding, smoothing = drawn sizes
                let alone i = (valueOf [ rowAt i logits ] (loss [| targets[i] |] None smoothing)).ToScalar()

                let expected = targets |> Array.mapi (fun i target -> if Some target = padding then 0.0 else alone i)

                let losses = valueOf [ logits ] (each targets padding smoothing)
                Expect.equal losses.Shape (shape [ sizes.Rows ]) "shape"
                expectClose 1e-14 (floats losses) expected "losses"
                covers [ "CE-2" ])

            property 25 "weighs each row's gradient by its own cotangent" (fun sizes ->
                let logits, targets, padding, smoothing = drawn sizes
                let weights = normal sizes.Random [ sizes.Rows ]
                let _, dx = runAlong weights [ logits ] (each targets padding smoothing)

                for i in 0 .. sizes.Rows - 1 do
                    let isPadding = Some targets[i] = padding

                    let _, alone =
                        runAlong (Tensor.Scalar weights[i]) [ rowAt i logits ] (loss [| targets[i] |] None smoothing)

                    let expected = if isPadding then Array.zeroCreate logits.Shape.Columns else floats alone[0]
                    expectClose 1e-14 (row i dx[0]) expected "row"

                covers [ "CE-4" ])

            property 25 "its mean is the loss, value and gradient" (fun sizes ->
                let logits, targets, _, smoothing = drawn sizes

                let mean tape x = (each targets None smoothing tape x).Mean()
                let value, dx = runAlong (Tensor.Scalar 1.0) [ logits ] mean
                let expected, dexpected = runAlong (Tensor.Scalar 1.0) [ logits ] (loss targets None smoothing)
                expectNear 1e-14 (value.ToScalar()) (expected.ToScalar()) "loss"
                expectClose 1e-14 (floats dx[0]) (floats dexpected[0]) "gradient")

            testCase
                "rows keep their leading axes, in single precision too; nothing but padding, and nothing, cost 0"
                (fun () ->
                    let y = valueOf [ zeros<float32> [ 2; 3; 4 ] ] (each (Array.replicate 6 1) None 0.0)
                    Expect.equal y.Shape (shape [ 2; 3 ]) "shape"
                    expectClose 1e-6 (floats y) (Array.create 6 (log 4.0)) "ln 4"
                    let y, dx = runDouble (RandomStream 1UL) [ zeros<float> [ 2; 4 ] ] (each [| 3; 3 |] (Some 3) 0.1)
                    Expect.all (Array.append (floats y) (floats dx[0])) ((=) 0.0) "padding"
                    let y, dx = runDouble (RandomStream 1UL) [ zeros<float> [ 0; 4 ] ] (each [||] None 0.0)
                    Expect.equal (y.Shape, dx[0].Shape) (shape [ 0 ], shape [ 0; 4 ]) "nothing"
                    let y = valueOf [ tensor [ 2; 2 ] [ nan; 0.0; 0.0; 0.0 ] ] (each [| 1; 0 |] None 0.0)
                    Expect.isTrue (Double.IsNaN y[0] && not (Double.IsNaN y[1])) "NaN stays in its row")

            property 10 "the caller may refill his targets after the forward pass" (fun sizes ->
                let logits, targets, padding, smoothing = drawn sizes
                expectOwnIds targets [ logits ] (fun targets -> each targets padding smoothing)
                expectOwnIds targets [ logits ] (fun targets -> loss targets padding smoothing))

            testCase "refuses what the mean refuses" (fun () ->
                let apply (targets: int[]) smoothing extents () =
                    CrossEntropy.ForwardPerRow(targets, Nullable(), smoothing, zeros<float> extents, Arena())

                refusesShape [ "got a scalar" ] (apply [| 0 |] 0.0 [])
                refusesShape [ "[2, 3] have 2 rows" ] (apply [| 0 |] 0.0 [ 2; 3 ])
                refusesRange [ "[0, 1]" ] (apply [| 0; 0 |] 2.0 [ 2; 3 ])
                refusesRange [ "target 3 at row 1" ] (apply [| 0; 3 |] 0.0 [ 2; 3 ]))
        ]

let private refusals =
    let apply targets (padding: int option) smoothing extents () =
        CrossEntropy.Forward(targets, Option.toNullable padding, smoothing, zeros<float> extents, Arena())

    testList
        "refusals"
        [
            testCase "a scalar and a wrong number of targets are refused" (fun () ->
                refusesShape [ "[..., classes]"; "got a scalar" ] (apply [| 0 |] None 0.0 [])
                refusesShape [ "[2, 3] have 2 rows"; "got 1" ] (apply [| 0 |] None 0.0 [ 2; 3 ]))

            testCase "a smoothing outside [0, 1] is refused" (fun () ->
                for smoothing in [ -0.1; 1.1; nan ] do
                    refusesRange [ "must lie in [0, 1]" ] (apply [| 0 |] None smoothing [ 1; 3 ]))

            testCase "a target that is no class is refused, with its row" (fun () ->
                for target in [ 3; -1 ] do
                    let fragments = [ $"target {target} at row 1"; "3 classes"; "count from 0" ]
                    refusesRange fragments (apply [| 0; target |] None 0.0 [ 2; 3 ]))

            testCase "a batch of nothing but padding, or of no rows, is refused" (fun () ->
                refuses<ArgumentException, _>
                    [ "Every target is padding"; "leave such a batch out" ]
                    (apply [| 2; 2 |] (Some 2) 0.0 [ 2; 3 ])

                refuses<ArgumentException, _> [ "nothing to average" ] (apply [||] None 0.0 [ 0; 3 ]))
        ]

[<Tests>]
let tests = testList "Rules.CrossEntropy" [ properties; extremes; perRow; refusals ]
