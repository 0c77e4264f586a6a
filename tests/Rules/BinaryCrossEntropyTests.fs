module Hybrid.Tests.Rules.BinaryCrossEntropyTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Kernels
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

let private loss (target: float) _ (z: Variable<_>[]) = z[0].BinaryCrossEntropy(target)

let private sigma z = 1.0 / (1.0 + exp -z)

/// Logits of a batch, and a target: one of the ends, in the middle, or anywhere.
let private drawn (sizes: Sizes) =
    let random = sizes.Random
    let logits = mapTensor ((*) 3.0) (normal random [ sizes.Batch; sizes.Rows; sizes.Columns ])
    logits, [| 0.0; 1.0; 0.5; 0.9; random.NextUniform() |][random.NextBelow 5]

/// Value and gradient of the mean.
let private run target (logits: Tensor<float>) =
    let value, d = runAlong (Tensor.Scalar 1.0) [ logits ] (loss target)
    value.ToScalar(), floats d[0]

let private properties =
    testList
        "properties"
        [
            property 25 "the gradient agrees with central differences, whatever the target" (fun sizes ->
                let logits, target = drawn sizes
                Gradients.expectRule "BinaryCrossEntropy" sizes.Random [ logits ] [] (loss target)
                covers [ "BCE-2" ])

            property
                25
                "equals the mean of -t ln p - (1 - t) ln (1 - p), longhand; the gradient is (p - t) / n"
                (fun sizes ->
                    let logits, t = drawn sizes
                    let value, gradient = run t logits
                    let term z = -t * log (sigma z) - (1.0 - t) * log (sigma -z)
                    expectNear 1e-12 value (floats logits |> Array.averageBy term) "loss"
                    let n = float logits.Length
                    expectClose 1e-14 gradient (floats logits |> Array.map (fun z -> (sigma z - t) / n)) "gradient"
                    covers [ "BCE-1"; "BCE-2" ])

            property 25 "is linear in the target: a mixture of both answers costs the mixture" (fun sizes ->
                let logits, t = drawn sizes
                let (mixed, dmixed), (yes, dyes), (no, dno) = run t logits, run 1.0 logits, run 0.0 logits
                expectNear 1e-13 mixed (t * yes + (1.0 - t) * no) "loss"
                expectClose 1e-14 dmixed (Array.map2 (fun yes no -> t * yes + (1.0 - t) * no) dyes dno) "gradient")

            property
                25
                "the other answer's target at the other logit costs the same, and has the opposite gradient"
                (fun sizes ->
                    let logits, t = drawn sizes
                    let value, gradient = run t logits
                    let mirrored, dmirrored = run (1.0 - t) (mapTensor (~-) logits)
                    expectNear 1e-14 mirrored value "loss"
                    expectClose 2e-15 dmirrored (Array.map (~-) gradient) "gradient")

            property 25 "a logit of 0 costs ln 2, whatever the target" (fun sizes ->
                let logits, t = drawn sizes
                let value, gradient = run t (mapTensor (fun _ -> 0.0) logits)
                expectNear 1e-14 value (log 2.0) "loss"
                let expected = (0.5 - t) / float logits.Length
                expectClose 1e-15 gradient (Array.create logits.Length expected) "gradient")

            property
                25
                "is never below the entropy of the target, and there where the probability is the target"
                (fun sizes ->
                    let logits, _ = drawn sizes
                    let t = 0.05 + 0.9 * sizes.Random.NextUniform()
                    let entropy = -t * log t - (1.0 - t) * log (1.0 - t)
                    Expect.isGreaterThan (fst (run t logits) + 1e-12) entropy "bound"
                    let value, gradient = run t (mapTensor (fun _ -> log t - log (1.0 - t)) logits)
                    expectNear 1e-14 value entropy "reached"
                    expectClose 1e-14 gradient (Array.zeroCreate logits.Length) "gradient")

            property 25 "is the cross-entropy of two classes, the logit of no held at 0" (fun sizes ->
                let logits, _ = drawn sizes
                let smoothing = sizes.Random.NextUniform()
                let pairs = floats logits |> Array.collect (fun z -> [| 0.0; z |])
                let classes = tensor [ logits.Length; 2 ] pairs

                // Half of the smoothing goes to the target itself.
                let value, d =
                    runAlong (Tensor.Scalar 1.0) [ classes ] (fun _ x ->
                        x[0].CrossEntropy(Array.create logits.Length 1, smoothing = smoothing))

                let binary, dbinary = run (1.0 - smoothing / 2.0) logits
                expectNear 1e-13 binary (value.ToScalar()) "loss"
                expectClose 1e-14 dbinary (rowsOf d[0] |> Array.map (fun row -> row[1])) "gradient")

            property 25 "the loss of a batch is the mean of the losses of its elements" (fun sizes ->
                let logits, t = drawn sizes
                let alone = floats logits |> Array.map (fun z -> run t (tensor [ 1 ] [ z ]))
                let value, gradient = run t logits
                expectNear 1e-13 value (Array.averageBy fst alone) "mean"
                let n = float logits.Length
                expectClose 1e-15 gradient (alone |> Array.map (fun (_, d) -> d[0] / n)) "gradient")

            testCase
                "many logits have the bits of one by one, added up by one thread whatever the number of workers"
                (fun () ->
                    let random = RandomStream 6UL
                    let logits = toSingle (mapTensor ((*) 4.0) (normal random [ 91; 101 ]))
                    let value, d = runAlong (Tensor.Scalar 1f) [ logits ] (loss 0.9)
                    let n = float32 logits.Length

                    let alone =
                        logits.ToArray()
                        |> Array.map (fun z -> runAlong (Tensor.Scalar(1f / n)) [ tensor [ 1 ] [ z ] ] (loss 0.9))

                    let losses = alone |> Array.map (fun (value, _) -> value.ToScalar())
                    Expect.equal (value.ToScalar()) (VectorMath.Sum<float32>(ReadOnlySpan losses) / n) "loss"
                    Expect.equal (floats d[0]) (alone |> Array.map (fun (_, d) -> float d[0].[0])) "gradient")
        ]

let private extremes =
    testList
        "extremes"
        [
            testCase "logits of plus and minus 1e4: exact in both precisions, and the gradient too" (fun () ->
                for t, low, high, dlow, dhigh in
                    [ 0.0, 0.0, 1e4, 0.0, 1.0; 1.0, 1e4, 0.0, -1.0, 0.0; 0.75, 7500.0, 2500.0, -0.75, 0.25 ] do
                    for z, value, gradient in [ -1e4, low, dlow; 1e4, high, dhigh ] do
                        Expect.equal (run t (tensor [ 1 ] [ z ])) (value, [| gradient |]) $"double, t {t}, z {z}"
                        let single, d = runAlong (Tensor.Scalar 1f) [ tensor [ 1 ] [ float32 z ] ] (loss t)
                        Expect.equal (floats single, floats d[0]) ([| value |], [| gradient |]) $"float, t {t}, z {z}")

            testCase
                "an answer that is nearly sure, and right, keeps the digits of its loss and of its gradient"
                (fun () ->
                    for z in [ 5.0; 20.0; 40.0; 80.0 ] do
                        // e^−z as good as alone: the loss is ln(1 + e^−z), the gradient e^−z / (1 + e^−z) in size.
                        let e = exp -z
                        let expected, slope = e - e * e / 2.0 + e * e * e / 3.0 - e * e * e * e / 4.0, e / (1.0 + e)

                        for t, sign in [ 1.0, 1.0; 0.0, -1.0 ] do
                            let value, gradient = run t (tensor [ 1 ] [ sign * z ])
                            let tolerance = if z < 10.0 then 1e-9 else 1e-14
                            Expect.isLessThan (abs (value / expected - 1.0)) tolerance $"double, t {t}, z {z}"

                            Expect.isLessThan
                                (abs (gradient[0] / (-sign * slope) - 1.0))
                                1e-14
                                $"gradient, t {t}, z {z}"

                            let logit = tensor [ 1 ] [ float32 (sign * z) ]
                            let value, d = runAlong (Tensor.Scalar 1f) [ logit ] (loss t)

                            Expect.isLessThan
                                (abs (float (value.ToScalar()) / expected - 1.0))
                                1e-6
                                $"float, t {t}, z {z}"

                            Expect.isLessThan
                                (abs ((floats d[0]).[0] / (-sign * slope) - 1.0))
                                1e-6
                                $"gradient, t {t}, z {z}")

            testCase "one logit may be a scalar; denormal ones count as zeros" (fun () ->
                expectNear 1e-15 (fst (run 0.3 (Tensor.Scalar 0.0))) (log 2.0) "scalar"
                let value = valueOf [ tensor [ 1; 2 ] [ Single.Epsilon; -Single.Epsilon ] ] (loss 0.9)
                expectClose 1e-7 (floats value) [| log 2.0 |] "ln 2")

            testCase "NaN and infinities show in the loss, and NaN in its own gradient" (fun () ->
                for t in [ 0.0; 0.9; 1.0 ] do
                    for bad in [ nanf; infinityf; -infinityf ] do
                        for place in 0..18 do
                            let logits = tensor [ 19 ] (Array.init 19 (fun i -> if i = place then bad else 0.5f))
                            let value, d = runAlong (Tensor.Scalar 1f) [ logits ] (loss t)
                            Expect.isFalse (Single.IsFinite(value.ToScalar())) $"loss of {bad} at {place}, t {t}"

                            for i in 0..18 do
                                let isNaN = Double.IsNaN (floats d[0]).[i]
                                Expect.equal isNaN (Single.IsNaN bad && i = place) $"gradient {i} of {bad} at {place}")
        ]

let private eachTarget =
    let each (targets: Tensor<_>) _ (z: Variable<_>[]) = z[0].BinaryCrossEntropy(targets)

    /// Targets of all kinds, 0 and 1 among them.
    let drawnTargets (random: RandomStream) (logits: Tensor<float>) =
        mapTensor (fun _ -> [| 0.0; 1.0; random.NextUniform() |][random.NextBelow 3]) logits

    testList
        "a target for each logit"
        [
            property 25 "the gradient agrees with central differences" (fun sizes ->
                let logits, _ = drawn sizes
                let targets = drawnTargets sizes.Random logits
                Gradients.expectRule "BinaryCrossEntropyEach" sizes.Random [ logits ] [] (each targets)
                covers [ "BCE-4" ])

            property 25 "is the mean of what each costs with its own target, and so are the gradients" (fun sizes ->
                let logits, _ = drawn sizes
                let targets = drawnTargets sizes.Random logits
                let value, d = runAlong (Tensor.Scalar 1.0) [ logits ] (each targets)
                let alone = Array.map2 (fun z t -> run t (tensor [ 1 ] [ z ])) (floats logits) (floats targets)
                expectNear 1e-14 (value.ToScalar()) (Array.averageBy fst alone) "loss"
                let n = float logits.Length
                expectClose 1e-15 (floats d[0]) (alone |> Array.map (fun (_, d) -> d[0] / n)) "gradient"
                covers [ "BCE-3"; "BCE-4" ])

            property 25 "with one target for all it is the loss with that target" (fun sizes ->
                let logits, t = drawn sizes
                let value, d = runAlong (Tensor.Scalar 1.0) [ logits ] (each (mapTensor (fun _ -> t) logits))
                let expected, dexpected = run t logits
                expectNear 1e-14 (value.ToScalar()) expected "loss"
                expectClose 1e-15 (floats d[0]) dexpected "gradient")

            testCase "an answer that is nearly sure, and right, keeps the digits of its loss, in float32" (fun () ->
                for t, z in [ 1f, 40f; 0f, -40f ] do
                    let value, d = runAlong (Tensor.Scalar 1f) [ tensor [ 1 ] [ z ] ] (each (tensor [ 1 ] [ t ]))
                    let expected = exp -40.0
                    Expect.isLessThan (abs (float (value.ToScalar()) / expected - 1.0)) 1e-6 "loss"
                    Expect.isLessThan (abs (abs (floats d[0]).[0] / expected - 1.0)) 1e-6 "gradient")

            testCase "logits of plus and minus 1e4 are exact; NaN shows" (fun () ->
                let run z t =
                    let value, d = runAlong (Tensor.Scalar 1f) [ tensor [ 1 ] [ z ] ] (each (tensor [ 1 ] [ t ]))
                    value.ToScalar(), (floats d[0]).[0]

                Expect.equal (run 1e4f 1f, run -1e4f 1f) ((0f, 0.0), (1e4f, -1.0)) "yes"
                Expect.equal (run 1e4f 0.25f) (7500f, 0.75) "in between"
                Expect.isTrue (Single.IsNaN(fst (run nanf 0.5f))) "NaN")

            testCase "the caller may refill his targets after the forward pass" (fun () ->
                let tape: Tape<float> = usedTape ()
                let z = tape.Input(tensor [ 2 ] [ 0.0; 0.0 ])
                let targets = tensor [ 2 ] [ 1.0; 0.0 ]
                let loss = z.BinaryCrossEntropy targets
                targets.Span.Fill 0.5
                targets.MarkChanged()
                tape.Backward loss
                Expect.equal (floats (gradientOf z)) [| -0.25; 0.25 |] "gradient")

            testCase "targets of another shape or outside [0, 1], and no logits, are refused" (fun () ->
                let apply (targets: Tensor<float>) logits () =
                    BinaryCrossEntropy.ForwardEach(targets, zeros<float> logits, Arena())

                refusesShape [ "targets must be [2]"; "got [2, 1]" ] (apply (zeros [ 2; 1 ]) [ 2 ])
                refusesShape [ "nothing to average" ] (apply (zeros [ 0; 3 ]) [ 0; 3 ])

                for bad in [ -0.01; 1.01; nan; infinity ] do
                    refusesRange [ "position 1 of [2]"; "in [0, 1]" ] (apply (tensor [ 2 ] [ 0.5; bad ]) [ 2 ]))
        ]

let private refusals =
    let apply target extents () = BinaryCrossEntropy.Forward(target, zeros<float> extents, Arena())

    testList
        "refusals"
        [
            testCase "a target that is no probability is refused" (fun () ->
                for target in [ -0.01; 1.01; nan; infinity ] do
                    refusesRange [ "a probability"; "in [0, 1]" ] (apply target [ 2 ]))

            testCase "no logits are refused" (fun () ->
                for extents in [ [ 0 ]; [ 0; 3 ]; [ 2; 0 ] ] do
                    refusesShape
                        [ $"logits are {shape extents}"; "nothing to average"; "leave such a batch out" ]
                        (apply 1.0 extents))
        ]

[<Tests>]
let tests = testList "Rules.BinaryCrossEntropy" [ properties; extremes; eachTarget; refusals ]
