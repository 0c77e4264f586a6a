/// What holds of layer and of batch normalization alike: the one goes along rows, the other along columns.
module Hybrid.Tests.Rules.NormalizationLaw

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

let columnsOf (x: Tensor<_>) = Array.transpose (rowsOf x)
let ofColumns (columns: float[][]) = Array.concat (Array.transpose columns)

let variance (line: float[]) =
    let mean = Array.average line
    line |> Array.averageBy (fun value -> (value - mean) ** 2.0)

type Kind =
    {
        Name: string
        /// What it normalizes: a row, or a channel.
        Line: string
        Double: float -> Tape<float> -> Variable<float>[] -> Variable<float>
        Single: float -> Tape<float32> -> Variable<float32>[] -> Variable<float32>
        /// By columns and not by rows.
        IsBatch: bool
        /// Ids of the gradients' equations.
        Ids: string list
        /// Of eps, and the extents of x, gain and bias.
        Forward: float -> int list -> int list -> int list -> unit
        /// What the messages call the last axis.
        Axis: string
    }

let linesOf kind (x: Tensor<_>) = if kind.IsBatch then columnsOf x else rowsOf x
let private ofLines kind (lines: float[][]) = if kind.IsBatch then ofColumns lines else Array.concat lines

/// Lines whose variance is not so small that a difference step would be a large part of it.
let rec spread kind (random: RandomStream) rows columns =
    let x = normal random [ rows; columns ]

    if linesOf kind x |> Array.exists (fun line -> line.Length > 1 && variance line < 0.05) then
        spread kind random rows columns
    else
        x

let drawn kind (sizes: Sizes) =
    let random = sizes.Random
    let x = spread kind random sizes.Rows sizes.Columns
    let eps = [| 1e-5; 1e-2; 1.0 |][random.NextBelow 3]
    x, normal random [ sizes.Columns ], normal random [ sizes.Columns ], eps

let plain features = tensor [ features ] (Array.create features 1.0), zeros<float> [ features ]

let properties kind =
    let draw = drawn kind
    let value x gain bias eps = valueOf [ x; gain; bias ] (kind.Double eps)

    let changed (x: Tensor<float>) change =
        tensor (List.ofArray (x.Shape.ToArray())) (ofLines kind (change (linesOf kind x)))

    [
        propertyUpTo 6 20 "the gradient agrees with central differences, gain and bias included" (fun sizes ->
            let x, gain, bias, eps = draw sizes
            Gradients.expectRule kind.Name sizes.Random [ x ] [ gain; bias ] (kind.Double eps)
            covers kind.Ids)

        property 5 "the gradient agrees with central differences where there are more axes" (fun sizes ->
            let random = sizes.Random
            let x = spread kind random (2 * sizes.Batch * sizes.Rows) 3
            let x = x.Reshape(shape [ sizes.Batch; sizes.Rows; 2; 3 ])
            let inputs = [ x; normal random [ 3 ]; normal random [ 3 ] ]
            Gradients.expectRule kind.Name random inputs [] (kind.Double 1e-5))

        propertyUpTo
            8
            25
            $"with gain 1 and bias 0 every {kind.Line} has mean 0 and variance v / (v + eps)"
            (fun sizes ->
                let x, _, _, eps = draw sizes
                let gain, bias = plain sizes.Columns
                let y = linesOf kind (value x gain bias eps)
                expectClose 1e-13 (y |> Array.map Array.average) (Array.zeroCreate y.Length) "means"
                let expected = linesOf kind x |> Array.map (fun line -> variance line / (variance line + eps))
                expectClose 1e-12 (y |> Array.map variance) expected "variances")

        propertyUpTo 6 25 $"adding a constant to a {kind.Line} leaves y and the gradients unchanged" (fun sizes ->
            let x, gain, bias, eps = draw sizes
            let dy = normal sizes.Random [ sizes.Rows; sizes.Columns ]
            let moved = changed x (Array.mapi (fun i line -> Array.map ((+) (7.0 - 3.0 * float i)) line))
            let y, gradients = runAlong dy [ x; gain; bias ] (kind.Double eps)
            let shifted, dshifted = runAlong dy [ moved; gain; bias ] (kind.Double eps)
            expectClose 1e-11 (floats shifted) (floats y) "y"

            for i in 0..2 do
                expectClose 1e-10 (floats dshifted[i]) (floats gradients[i]) $"gradient {i}")

        propertyUpTo 6 25 "scaling x by c and eps by c squared leaves y unchanged" (fun sizes ->
            let x, gain, bias, eps = draw sizes
            let scaled = value (mapTensor ((*) 3.0) x) gain bias (9.0 * eps)
            expectClose 1e-12 (floats scaled) (floats (value x gain bias eps)) "y")

        propertyUpTo 6 25 $"scaling a {kind.Line} leaves y unchanged where eps is negligible" (fun sizes ->
            let x, gain, bias, _ = draw sizes
            // A line of one number is its own mean; rounded, its distance would not be 0.
            let x = if (Array.head (linesOf kind x)).Length = 1 then mapTensor (fun _ -> 0.0) x else x
            let scaled = changed x (Array.mapi (fun i line -> Array.map ((*) (50.0 - float i)) line))
            expectClose 1e-9 (floats (value scaled gain bias 1e-12)) (floats (value x gain bias 1e-12)) "y")

        propertyUpTo 6 25 $"dx of every {kind.Line} sums to 0, because a shift changes nothing" (fun sizes ->
            let x, gain, bias, eps = draw sizes
            let _, gradients = runDouble sizes.Random [ x; gain; bias ] (kind.Double eps)
            let sums = linesOf kind gradients[0] |> Array.map Array.sum
            expectClose 1e-11 sums (Array.zeroCreate sums.Length) "sums")
    ]

let extremes kind =
    /// One line of these numbers, with a gain of 1 and a bias.
    let line (numbers: float list) bias =
        let count = numbers.Length
        let features = if kind.IsBatch then 1 else count
        let x = tensor (if kind.IsBatch then [ count; 1 ] else [ 1; count ]) numbers
        [ x; tensor [ features ] (Array.create features 1.0); tensor [ features ] (Array.create features bias) ]

    let single inputs = runSingle (RandomStream 1UL) (List.map toSingle inputs) (kind.Single 1e-5)

    [
        testCase "in float32 at an offset of 1e4, a variance of 0.25 is still 0.25" (fun () ->
            let y, _ = single (line [ 10000.5; 9999.5; 10000.5; 9999.5 ] 0.0)
            let expected = 0.5 / sqrt (0.25 + 1e-5)
            expectClose 1e-6 (floats y) [| expected; -expected; expected; -expected |] "y")

        testCase $"a constant {kind.Line} gives the bias, and finite gradients, in both precisions" (fun () ->
            for offset in [ 0.0; 3.0; -1e4; 0.1 ] do
                let inputs = line [ offset; offset; offset ] 4.0
                let y, gradients = runDouble (RandomStream 1UL) inputs (kind.Double 1e-5)
                expectClose 1e-8 (floats y) [| 4.0; 4.0; 4.0 |] "double"
                Array.iter (fun gradient -> expectAllFinite gradient "double") gradients
                let y, gradients = single inputs
                expectClose 1e-6 (floats y) [| 4.0; 4.0; 4.0 |] "float"
                Array.iter (fun gradient -> expectAllFinite gradient "float") gradients)

        testCase $"a {kind.Line} of one number gives the bias, and gradient 0 to x and gain" (fun () ->
            for number in [ 1e4; -1e4 ] do
                let y, gradients = runDouble (RandomStream 1UL) (line [ number ] 5.0) (kind.Double 1e-5)
                Expect.equal (floats y) [| 5.0 |] "y"
                Expect.equal (floats gradients[0], floats gradients[1]) ([| 0.0 |], [| 0.0 |]) "dx and dgain")

        testCase "plus and minus 1e4 are normalized, and denormals vanish beside eps, in float32" (fun () ->
            let tiny = float Single.Epsilon

            for numbers, expected, tolerance in [ [ 1e4; -1e4 ], 1.0, 1e-6; [ tiny; -tiny ], 0.0, 1e-30 ] do
                let y, gradients = single (line numbers 0.0)
                expectClose tolerance (floats y) [| expected; -expected |] "y"
                expectAllFinite gradients[0] "dx")
    ]

let refusals kind =
    let apply eps x gain bias () = kind.Forward eps x gain bias

    [
        testCase "an eps that is not positive is refused" (fun () ->
            for eps in [ 0.0; -1e-5; nan ] do
                refusesRange [ "eps must be positive"; "variance 0" ] (apply eps [ 2; 3 ] [ 3 ] [ 3 ]))

        testCase "a gain or bias of another width is refused" (fun () ->
            let remedy = $"build the layer with {kind.Axis}s = 3"
            refusesShape [ "gain must be [3], got [2]"; remedy ] (apply 1e-5 [ 2; 3 ] [ 2 ] [ 3 ])
            refusesShape [ "bias must be [3], got [1, 3]"; remedy ] (apply 1e-5 [ 2; 3 ] [ 3 ] [ 1; 3 ]))

        testCase $"a scalar and rows without {kind.Axis}s are refused" (fun () ->
            let fragment = $"at least one {kind.Axis}"
            refusesShape [ fragment; "got []" ] (apply 1e-5 [] [ 1 ] [ 1 ])
            refusesShape [ fragment; "got [2, 0]" ] (apply 1e-5 [ 2; 0 ] [ 0 ] [ 0 ]))
    ]
