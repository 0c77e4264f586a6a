module Hybrid.Tests.Rules.Elementary.LogSumExpTests

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

let private logSumExp axis keep _ (x: Variable<_>[]) = x[0].LogSumExp(axis, keep)
let private logSoftmax _ (x: Variable<_>[]) = x[0].LogSoftmax()

/// As defined, without care for what overflows.
let private plain (x: float list) = log (List.sumBy exp x)

let private expectEqual (actual: Tensor<_>) (expected: float list) message =
    Expect.isTrue
        (Array.forall2 (fun (a: float) e -> a.Equals e) (floats actual) (Array.ofList expected))
        $"{message}: {actual}"

/// The extents and the axis of a line of as many numbers, along the last axis and along another.
let private lines count = [ [ 1; count ], -1; [ count; 1 ], 0; [ count; 2 ], 0 ]

let private spread extents (line: 'T list) : 'T list =
    match extents with
    | [ _; 2 ] -> line |> List.collect (List.replicate 2)
    | _ -> line

let private sums =
    testList
        "LogSumExp"
        [
            property 30 "the gradient agrees with central differences, along any axis" (fun sizes ->
                let random = sizes.Random
                let x = normal random [ sizes.Batch; sizes.Rows; sizes.Columns ]
                let axis = random.NextBelow 6 - 3
                Gradients.expectRule "LogSumExp" random [ x ] [] (logSumExp axis (sizes.Seed % 2 = 0))
                covers [ "LSE-2" ])

            property 30 "equals log of the sum of exp, index by index" (fun sizes ->
                let random = sizes.Random
                let x = normal random [ sizes.Batch; sizes.Rows; sizes.Columns ]
                let axis, keep = random.NextBelow 3, sizes.Seed % 2 = 0
                expectSame 1e-14 (valueOf [ x ] (logSumExp (axis - 3) keep)) (reduce plain [ axis ] keep x) "value"
                covers [ "LSE-1" ])

            property 25 "the gradients are the softmax: they sum to the cotangents" (fun sizes ->
                let x = normal sizes.Random [ sizes.Rows; sizes.Columns ]
                let _, dx = runAlong (tensor [ sizes.Rows ] (Seq.replicate sizes.Rows 1.0)) [ x ] (logSumExp -1 false)
                let p = valueOf [ x ] (fun _ x -> x[0].Softmax())
                expectSame 1e-14 dx[0] p "softmax")

            property 25 "adding a constant adds it to the value and leaves the gradient" (fun sizes ->
                let x = normal sizes.Random [ sizes.Batch; sizes.Rows; sizes.Columns ]
                let axis = sizes.Seed % 3
                let y, dx = runDouble sizes.Random [ x ] (logSumExp axis false)
                let shifted, dshifted = runDouble sizes.Random [ mapTensor ((+) 3.0) x ] (logSumExp axis false)
                expectSame 1e-13 shifted (mapTensor ((+) 3.0) y) "value"
                expectSame 1e-13 dshifted[0] dx[0] "gradient")

            testCase "many sums, shared out over the workers, equal the same sums one by one" (fun () ->
                let random = RandomStream 5UL
                let x = normal random [ 40; 60; 50 ]

                for axis in 0..2 do
                    let y, dx = runDouble random [ x ] (logSumExp axis false)
                    expectSame 1e-13 y (reduce plain [ axis ] false x) "value"
                    Expect.equal dx[0].Shape x.Shape "gradient")

            testCase "numbers of 1e4 and a common offset cost no digits, in float32" (fun () ->
                for extents, axis in lines 3 do
                    let y =
                        valueOf [ tensor extents (spread extents [ 10000f; 10001f; 10002f ]) ] (logSumExp axis false)

                    expectClose 1e-6 (floats y) (Array.create y.Length (10000.0 + plain [ 0.0; 1.0; 2.0 ])) "offset"
                    let y = valueOf [ tensor extents (spread extents [ 1e4f; -1e4f; 0f ]) ] (logSumExp axis false)
                    Expect.all (floats y) ((=) 1e4) "far apart")

            testCase "infinities and NaN, along the last axis and along others" (fun () ->
                for extents, axis in lines 3 do
                    let check line expected gradient =
                        let x = tensor extents (spread extents line)
                        let dy = mapTensor (fun _ -> 1.0) (valueOf [ x ] (logSumExp axis false))
                        let y, dx = runAlong dy [ x ] (logSumExp axis false)
                        expectEqual y (List.replicate y.Length expected) "value"
                        expectEqual dx[0] (spread extents gradient) "gradient"

                    check [ -infinity; -infinity; -infinity ] -infinity [ 0.0; 0.0; 0.0 ]
                    check [ -infinity; 2.0; -infinity ] 2.0 [ 0.0; 1.0; 0.0 ]
                    check [ infinity; 0.0; -infinity ] infinity [ nan; 0.0; 0.0 ]
                    check [ nan; 0.0; infinity ] nan [ nan; nan; nan ])

            testCase "of nothing it is minus infinity" (fun () ->
                for extents, axis in [ [ 2; 0 ], 1; [ 0; 2 ], 0; [ 0; 1 ], 0 ] do
                    let y, dx = runSingle (RandomStream 1UL) [ zeros<float32> extents ] (logSumExp axis false)
                    Expect.all (floats y) ((=) -infinity) "value"
                    Expect.isNonEmpty (floats y) "there is one"
                    Expect.equal dx[0].Shape (shape extents) "gradient"

                let y, _ = runSingle (RandomStream 1UL) [ zeros<float32> [ 0; 3 ] ] (logSumExp 1 true)
                Expect.equal y.Shape (shape [ 0; 1 ]) "no rows")

            testCase "the pullback reads x: a change in between is refused" (fun () ->
                expectRereads (tensor [ 2; 2 ] [ 1.0; 2.0; 3.0; 4.0 ]) (fun x -> x.LogSumExp()))

            testCase "an axis that is not there is refused" (fun () ->
                let apply axis extents () = LogSumExp.Forward(axis, false, zeros<float> extents, Arena())
                refusesShape [ "no axis 2"; "[2, 3]" ] (apply 2 [ 2; 3 ])
                refusesShape [ "a scalar" ] (apply -1 []))
        ]

let private logarithms =
    testList
        "LogSoftmax"
        [
            property 25 "its exponential is the softmax; it is x less the LogSumExp" (fun sizes ->
                let x = normal sizes.Random [ sizes.Batch; sizes.Rows; sizes.Columns ]
                let y = valueOf [ x ] logSoftmax
                expectSame 1e-14 (mapTensor exp y) (valueOf [ x ] (fun _ x -> x[0].Softmax())) "softmax"
                let sum = valueOf [ x ] (logSumExp -1 true)
                let expected = build (extentsOf x) (fun i -> at x i - at sum (replace 2 0 i))
                expectSame 1e-14 y expected "x - log sum exp"
                covers [ "LSM-1" ])

            property 25 "the gradient of every row sums to 0; a constant changes nothing" (fun sizes ->
                let x = normal sizes.Random [ sizes.Rows; sizes.Columns ]
                let y, dx = runDouble sizes.Random [ x ] logSoftmax
                expectClose 1e-13 (rowsOf dx[0] |> Array.map Array.sum) (Array.zeroCreate sizes.Rows) "sums"
                let shifted, dshifted = runDouble sizes.Random [ mapTensor ((+) 3.0) x ] logSoftmax
                expectSame 1e-13 shifted y "value"
                expectSame 1e-13 dshifted[0] dx[0] "gradient")

            testCase "many rows, shared out over the workers, equal the same rows one by one" (fun () ->
                let random = RandomStream 5UL
                let x, dy = normal random [ 300; 130 ], normal random [ 300; 130 ]
                let y, dx = runAlong dy [ x ] logSoftmax

                for i in 0..37..299 do
                    let yRow, dxRow = runAlong (rowAt i dy) [ rowAt i x ] logSoftmax
                    Expect.equal (row i y) (floats yRow) "value"
                    Expect.equal (row i dx[0]) (floats dxRow[0]) "gradient")

            testCase "an unlikely class keeps its digits; an offset of 1e4 costs none" (fun () ->
                let y = valueOf [ tensor [ 1; 2 ] [ 0f; 200f ] ] logSoftmax
                Expect.equal (floats y) [| -200.0; 0.0 |] "not -infinity"
                let near = valueOf [ tensor [ 1; 3 ] [ 0f; 1f; 2f ] ] logSoftmax
                let far = valueOf [ tensor [ 1; 3 ] [ 10000f; 10001f; 10002f ] ] logSoftmax
                Expect.equal (floats far) (floats near) "offset")

            testCase "minus infinity rules a class out; NaN, plus infinity and minus infinity alone give NaN" (fun () ->
                let y, dx =
                    runAlong (tensor [ 1; 3 ] [ 1.0; 2.0; 4.0 ]) [ tensor [ 1; 3 ] [ 0.0; -infinity; 0.0 ] ] logSoftmax

                expectClose 1e-15 [| y[0, 0]; y[0, 2] |] [| -log 2.0; -log 2.0 |] "others"
                Expect.equal y[0, 1] -infinity "ruled out"
                expectClose 1e-14 (floats dx[0]) [| -2.5; 2.0; 0.5 |] "gradient"

                for row in [ [ nan; 0.0 ]; [ infinity; 0.0 ]; [ -infinity; -infinity ] ] do
                    let y = valueOf [ tensor [ 1; 2 ] row ] logSoftmax
                    Expect.all (floats y) Double.IsNaN "NaN")

            testCase "the pullback does not need x" (fun () ->
                expectRereadsNothing (tensor [ 2; 2 ] [ 1.0; 2.0; 3.0; 4.5 ]) (fun x -> x.LogSoftmax()))

            testCase "an empty batch gives an empty batch; a scalar and rows without classes are refused" (fun () ->
                let y, dx = runSingle (RandomStream 1UL) [ zeros<float32> [ 0; 3 ] ] logSoftmax
                Expect.equal (y.Shape, dx[0].Shape) (shape [ 0; 3 ], shape [ 0; 3 ]) "shapes"
                let apply extents () = LogSoftmax.Forward(zeros<float> extents, Arena())
                refusesShape [ "[..., classes]"; "got []" ] (apply [])
                refusesShape [ "at least one class"; "[2, 0]" ] (apply [ 2; 0 ]))
        ]

[<Tests>]
let tests = testList "Rules.Elementary.Logarithms" [ sums; logarithms ]
