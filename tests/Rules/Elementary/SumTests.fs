module Hybrid.Tests.Rules.Elementary.SumTests

open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Support
open Hybrid.Tests.Rules.Elementary.Naive

let private sum (axes: int[]) keep _ (x: Variable<_>[]) = x[0].Sum(axes, keep)
let private mean (axes: int[]) keep _ (x: Variable<_>[]) = x[0].Mean(axes, keep)

let private drawn (sizes: Sizes) =
    let random = sizes.Random
    let x = normal random [ sizes.Batch; sizes.Rows; sizes.Inner; sizes.Columns ]
    let given, axes = drawnAxes random 4
    x, given, axes, random.NextUniform() < 0.5

let private sums =
    testList
        "Sum"
        [
            property 25 "the gradient agrees with central differences, over any axes" (fun sizes ->
                let random = sizes.Random
                let given, _ = drawnAxes random 3
                let x = normal random [ sizes.Batch; sizes.Rows; sizes.Columns ]
                Gradients.expectRule "Sum" random [ x ] [] (sum given (sizes.Seed % 2 = 0))
                covers [ "SUM-2" ])

            property 50 "equals the sums index by index, over any axes, kept or dropped" (fun sizes ->
                let x, given, axes, keep = drawn sizes
                expectSame 1e-13 (valueOf [ x ] (sum given keep)) (reduce List.sum axes keep x) "sums"
                covers [ "SUM-1" ])

            property 50 "the gradient repeats the cotangent along the axes" (fun sizes ->
                let x, given, axes, keep = drawn sizes
                let y, dx = runDouble sizes.Random [ x ] (sum given keep)
                let dy = normal sizes.Random (extentsOf y)
                // What is repeated sums up to as many times itself.
                let count = float x.Length / float y.Length
                expectSame 1e-13 (reduce List.sum axes keep dx[0]) (mapTensor ((*) count) dy) "sums of the gradient"
                expectSame 0.0 (reduce List.max axes keep dx[0]) (reduce List.min axes keep dx[0]) "constant")

            testCase "forms: over all, over axes from either end, kept or dropped" (fun () ->
                let tape = Tape<float>()
                let x = tape.Constant(tensor [ 2; 3 ] [ 1.0; 2.0; 3.0; 4.0; 5.0; 6.0 ])
                Expect.equal (x.Sum().Value.ToScalar()) 21.0 "all"
                Expect.equal (floats (x.Sum(0).Value)) [| 5.0; 7.0; 9.0 |] "columns"
                Expect.equal (floats (x.Sum(-1).Value)) [| 6.0; 15.0 |] "rows"
                Expect.equal (x.Sum(1, 0).Shape, x.Sum(0, -1).Shape) (Shape(), Shape()) "both"
                Expect.equal (x.Sum(axes = [| 1 |], keepAxes = true).Shape) (Shape(2, 1)) "kept"
                Expect.equal (x.Mean(axes = [| -2 |], keepAxes = true).Shape) (Shape(1, 3)) "kept"
                Expect.equal (tape.Constant(Tensor.Scalar 7.0).Sum().Value.ToScalar()) 7.0 "a scalar")

            testCase "long axes, cut into pieces, in the middle and at both ends, in value and gradient" (fun () ->
                let random = RandomStream 3UL

                for extents, axes in
                    [
                        [ 100_000 ], [ 0 ]
                        [ 3; 40_000 ], [ 1 ]
                        [ 40_000; 3 ], [ 0 ]
                        [ 2; 1_000; 70 ], [ 1 ]
                        [ 300; 20_000 ], [ 0 ]
                        [ 20; 7; 900 ], [ 0; 2 ]
                    ] do
                    let x = normal random extents
                    let y, dx = runDouble random [ x ] (sum (Array.ofList axes) false)
                    let length = List.fold (*) 1 extents
                    let kept = y.Length
                    let ones = runAlong (mapTensor (fun _ -> 1.0) y) [ x ] (sum (Array.ofList axes) false) |> snd
                    Expect.all (floats ones[0]) ((=) 1.0) "gradient of ones"
                    Expect.equal dx[0].Length length "length"
                    let plain = Array.zeroCreate<float> kept

                    let inner = List.skip (List.last axes + 1) extents |> List.fold (*) 1
                    let isMiddle = axes = [ 0; 2 ]
                    let count = extents[List.last axes]

                    floats x
                    |> Array.iteri (fun i value ->
                        let place = if isMiddle then i / 900 % 7 else i / (count * inner) * inner + i % inner

                        plain[place] <- plain[place] + value)

                    expectClose 1e-11 (floats y) plain $"sum over {axes} of {extents}")

            testCase "a sum of nothing is 0, and an empty tensor gets an empty gradient" (fun () ->
                let y, dx = runSingle (RandomStream 1UL) [ zeros<float32> [ 2; 0; 3 ] ] (sum [| 1 |] false)
                Expect.equal (y.Shape, floats y) (shape [ 2; 3 ], Array.zeroCreate 6) "value"
                Expect.equal dx[0].Shape (shape [ 2; 0; 3 ]) "gradient"
                let y, dx = runSingle (RandomStream 1UL) [ zeros<float32> [ 0; 3 ] ] (sum [| -1 |] true)
                Expect.equal (y.Shape, dx[0].Shape) (shape [ 0; 1 ], shape [ 0; 3 ]) "no rows"
                Expect.equal ((valueOf [ zeros<float> [ 0 ] ] (sum [||] false)).ToScalar()) 0.0 "all of nothing")

            testCase "NaN and infinities stay in the sums they belong to, in both precisions" (fun () ->
                let x = tensor [ 4; 2 ] [ nan; 1.0; infinity; 1.0; infinity; -infinity; 1.0; 2.0 ]
                let rows = valueOf [ x ] (sum [| 1 |] false)
                Expect.isTrue (System.Double.IsNaN rows[0] && System.Double.IsNaN rows[2]) "NaN"
                Expect.equal (rows[1], rows[3]) (infinity, 3.0) "others"
                let single = valueOf [ toSingle x ] (sum [| 1 |] false)
                Expect.equal (single[1], single[3]) (infinityf, 3f) "float"
                // A gradient that is infinite is repeated, not computed with.
                let _, dx = runAlong (tensor [ 2 ] [ infinity; 1.0 ]) [ zeros [ 2; 2 ] ] (sum [| 1 |] false)
                Expect.equal (floats dx[0]) [| infinity; infinity; 1.0; 1.0 |] "gradient")

            testCase "the pullback does not need x" (fun () ->
                expectRereadsNothing (tensor [ 2; 2 ] [ 1.0; 2.0; 3.0; 4.0 ]) (fun x -> x.Sum(0)))

            testCase "an axis that is not there, or twice, is refused" (fun () ->
                let apply (axes: int[]) extents () = Sum.Forward(axes, false, zeros<float> extents, Arena())

                for axis in [ 2; -3 ] do
                    refusesShape [ $"no axis {axis}"; "[2, 3]"; "0 to 1" ] (apply [| axis |] [ 2; 3 ])

                refusesShape [ "a scalar has no axis 0" ] (apply [| 0 |] [])
                refusesShape [ "axis 1 twice"; "[1, -1]" ] (apply [| 1; -1 |] [ 2; 3 ]))
        ]

let private means =
    testList
        "Mean"
        [
            property 25 "the gradient agrees with central differences, over any axes" (fun sizes ->
                let random = sizes.Random
                let given, _ = drawnAxes random 3
                let x = normal random [ sizes.Batch; sizes.Rows; sizes.Columns ]
                Gradients.expectRule "Mean" random [ x ] [] (mean given (sizes.Seed % 2 = 0))
                covers [ "MEAN-2" ])

            property 50 "equals the means index by index, over any axes, kept or dropped" (fun sizes ->
                let x, given, axes, keep = drawn sizes
                expectSame 1e-13 (valueOf [ x ] (mean given keep)) (reduce List.average axes keep x) "means"
                covers [ "MEAN-1" ])

            property 25 "the gradients of a mean sum to its cotangents" (fun sizes ->
                let x, given, axes, keep = drawn sizes
                let y, dx = runDouble sizes.Random [ x ] (mean given keep)
                let dy = normal sizes.Random (extentsOf y)
                expectSame 1e-13 (reduce List.sum axes keep dx[0]) dy "sums")

            property 25 "the mean of equal numbers is that number to the bit, if their sum is exact" (fun sizes ->
                let x = build [ sizes.Rows; sizes.Columns ] (fun _ -> 0.75)
                Expect.all (floats (valueOf [ x ] (mean [| 0 |] false))) ((=) 0.75) "means")

            testCase "the pullback does not need x" (fun () ->
                expectRereadsNothing (tensor [ 2; 2 ] [ 1.0; 2.0; 3.0; 4.0 ]) (fun x -> x.Mean(0)))

            testCase "a mean of nothing is refused, an empty batch of means is not" (fun () ->
                let apply (axes: int[]) extents () = Mean.Forward(axes, false, zeros<float> extents, Arena())
                refusesShape [ "[0, 3]"; "axes [0]"; "no mean"; "leave" ] (apply [| -2 |] [ 0; 3 ])
                refusesShape [ "axes [0, 1]"; "no mean" ] (apply [||] [ 0; 3 ])
                let y, dx = runSingle (RandomStream 1UL) [ zeros<float32> [ 0; 3 ] ] (mean [| 1 |] false)
                Expect.equal (y.Shape, dx[0].Shape) (shape [ 0 ], shape [ 0; 3 ]) "shapes")
        ]

[<Tests>]
let tests = testList "Rules.Elementary.Sums" [ sums; means ]
