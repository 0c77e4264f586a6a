module Hybrid.Tests.Rules.Elementary.MatMulTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

let private matMul _ (x: Variable<_>[]) = x[0].MatMul(x[1])

let private pair (sizes: Sizes) =
    let random = sizes.Random
    normal random [ sizes.Batch; sizes.Rows; sizes.Inner ], normal random [ sizes.Batch; sizes.Inner; sizes.Columns ]

/// Row by column, one sum at a time.
let private longhand (sizes: Sizes) (a: Tensor<float>) (b: Tensor<float>) =
    [|
        for m in 0 .. sizes.Batch - 1 do
            for i in 0 .. sizes.Rows - 1 do
                for j in 0 .. sizes.Columns - 1 do
                    Seq.sum (seq { for k in 0 .. sizes.Inner - 1 -> a[m, i, k] * b[m, k, j] })
    |]

[<Tests>]
let tests =
    testList
        "Rules.MatMul"
        [
            property 25 "every element is the product of a row and a column" (fun sizes ->
                let a, b = pair sizes
                expectClose 1e-13 (floats (valueOf [ a; b ] matMul)) (longhand sizes a b) "product"
                covers [ "MM-1" ])

            property 25 "the transpose of a product is the product of the transposes in reverse" (fun sizes ->
                let a, b = pair sizes
                let left = valueOf [ a; b ] (fun tape x -> (matMul tape x).Transpose())

                let right = valueOf [ a; b ] (fun _ x -> x[1].Transpose().MatMul(x[0].Transpose()))

                expectClose 1e-13 (floats left) (floats right) "product")

            property 15 "a matrix times itself gets the gradients of both factors" (fun sizes ->
                let random = sizes.Random
                let extents = [ sizes.Batch; sizes.Rows; sizes.Rows ]
                let x, dy = normal random extents, normal random extents
                let _, separate = runAlong dy [ x; x ] matMul
                let _, shared = runAlong dy [ x ] (fun tape x -> matMul tape [| x[0]; x[0] |])
                expectClose 1e-12 (floats shared[0]) (floats (combine 1.0 separate[0] 1.0 separate[1])) "gradient")

            property 25 "the product is linear in each factor" (fun sizes ->
                let a, b = pair sizes
                let twice = valueOf [ a; b ] (fun _ x -> x[0].Scale(2.0).MatMul(x[1]))
                expectClose 1e-13 (floats twice) (floats (valueOf [ a; b ] matMul) |> Array.map ((*) 2.0)) "product")

            property 25 "float32 agrees with double to single precision" (fun sizes ->
                let a, b = pair sizes
                let single = valueOf [ toSingle a; toSingle b ] matMul
                expectClose 1e-5 (floats single) (floats (valueOf [ a; b ] matMul)) "product")

            propertyOfSeed 60 "leading axes broadcast: value and gradient are those of repeated matrices" (fun seed ->
                let random = RandomStream(uint64 seed)
                let leading = BroadcastTests.shapesOf 2 random 3 |> List.map (List.truncate 3)
                let size () = 1 + random.NextBelow 4
                let rows, inner, columns = size (), random.NextBelow 4, size ()

                match leading with
                | [ la; lb ] when
                    (try
                        Shape.Broadcast(shape la, shape lb) |> ignore
                        true
                     with :? ShapeException ->
                         false)
                    ->
                    let whole = List.ofArray (Shape.Broadcast(shape la, shape lb).ToArray())
                    let a, b = normal random (la @ [ rows; inner ]), normal random (lb @ [ inner; columns ])
                    let dc = normal random (whole @ [ rows; columns ])
                    let c, d = runAlong dc [ a; b ] matMul

                    // Each matrix repeated by the sum with zeros, which has been tested by itself.
                    let repeated (tape: Tape<float>) (x: Variable<float>[]) =
                        let full i last = x[i] + tape.Constant(zeros<float>(whole @ last))
                        (full 0 [ rows; inner ]).MatMul(full 1 [ inner; columns ])

                    let c', d' = runAlong dc [ a; b ] repeated
                    Expect.equal c.Shape (shape (whole @ [ rows; columns ])) "shape"
                    expectClose 1e-13 (floats c) (floats c') "value"

                    for i in 0..1 do
                        Expect.equal d[i].Shape d'[i].Shape "shape of the gradient"
                        expectClose 1e-12 (floats d[i]) (floats d'[i]) $"gradient {i}"
                | _ -> ())

            property
                10
                "the gradient agrees with central differences where a matrix meets a batch, on either side"
                (fun sizes ->
                    let a, b = pair sizes
                    let random = sizes.Random

                    let one, other =
                        normal random [ sizes.Rows; sizes.Inner ], normal random [ sizes.Inner; sizes.Columns ]

                    Gradients.expectRule "MatMul" random [ one; b ] [] matMul
                    Gradients.expectRule "MatMul" random [ a; other ] [] matMul
                    covers [ "MM-2"; "MM-3" ])

            testCase "many small matrices, shared out over the workers, and gradients that add to others" (fun () ->
                let random = RandomStream 6UL

                let a, b, dc =
                    normal random [ 300; 20; 30 ], normal random [ 300; 30; 20 ], normal random [ 300; 20; 20 ]

                let c, d = runAlong dc [ a; b ] matMul
                let twice _ (x: Variable<float>[]) = x[0].MatMul x[1] + x[0].MatMul x[1]
                let _, d' = runAlong dc [ a; b ] twice

                for i in [ 0; 150; 299 ] do
                    let one (x: Tensor<float>) = (part 0 i 1 x).Reshape(Shape(x.Shape.ToArray()[1..]))
                    let c1, d1 = runAlong (one dc) [ one a; one b ] matMul
                    Expect.equal (floats (one c)) (floats c1) "value"

                    for k in 0..1 do
                        Expect.equal (floats (one d[k])) (floats d1[k]) "gradient"
                        expectClose 1e-13 (floats (one d'[k])) (floats d1[k] |> Array.map ((*) 2.0)) "twice")

            testCase "a matrix shared by many gets the sum of their gradients" (fun () ->
                let random = RandomStream 7UL
                let a, b, dc = normal random [ 20; 30 ], normal random [ 400; 30; 20 ], normal random [ 400; 20; 20 ]

                let each =
                    [
                        for i in 0..399 do
                            let one (x: Tensor<float>) = (part 0 i 1 x).Reshape(Shape(x.Shape.ToArray()[1..]))
                            let _, d = runAlong (one dc) [ a; one b ] matMul
                            floats d[0]
                    ]

                let expected = List.reduce (Array.map2 (+)) each

                // Again and again: workers that write over one another do not do so each time.
                for _ in 1..30 do
                    let _, d = runAlong dc [ a; b ] matMul
                    expectClose 1e-12 (floats d[0]) expected "gradient")

            testCase "an empty inner axis gives zeros" (fun () ->
                let c, gradients = runDouble (RandomStream 1UL) [ zeros<float> [ 2; 0 ]; zeros<float> [ 0; 3 ] ] matMul
                Expect.equal (floats c) (Array.zeroCreate 6) "value"
                Expect.equal gradients[0].Shape (shape [ 2; 0 ]) "gradient")

            testCase "empty batches and empty rows give empty products" (fun () ->
                Expect.equal
                    (valueOf [ zeros<float32> [ 0; 2; 3 ]; zeros [ 0; 3; 4 ] ] matMul).Shape
                    (shape [ 0; 2; 4 ])
                    "batch"

                let _, gradients = runSingle (RandomStream 1UL) [ zeros<float32> [ 0; 3 ]; zeros [ 3; 2 ] ] matMul
                Expect.equal (floats gradients[1]) (Array.zeroCreate 6) "rows")

            testCase "1e4 times 1e4, and denormals, do not overflow or trap" (fun () ->
                Expect.equal
                    (floats (valueOf [ tensor [ 1; 1 ] [ 1e4f ]; tensor [ 1; 1 ] [ -1e4f ] ] matMul))
                    [| -1e8 |]
                    "float"

                let tiny = valueOf [ tensor [ 1; 1 ] [ Double.Epsilon ]; tensor [ 1; 1 ] [ 2.0 ] ] matMul
                Expect.equal (floats tiny) [| 2.0 * Double.Epsilon |] "double")

            testCase "axes that do not fit are refused" (fun () ->
                let product a b () = MatMul.Forward(zeros<float> a, zeros b, Arena())
                let remedy = "make the inner axes equal, and the leading ones equal or 1"
                refusesShape [ "[2, 3]"; "[4, 5]"; remedy ] (product [ 2; 3 ] [ 4; 5 ])
                refusesShape [ "[2, 2, 3]"; "[3, 3, 5]"; remedy ] (product [ 2; 2; 3 ] [ 3; 3; 5 ])
                refusesShape [ "[3]"; remedy ] (product [ 3 ] [ 3; 5 ])
                refusesShape [ "[5]"; remedy ] (product [ 2; 3 ] [ 5 ]))
        ]
