module Hybrid.Tests.Tensors.TensorTests

open Expecto
open Hybrid.Memory
open Hybrid.Tensors
open Hybrid.Tests.Support

/// A tensor whose step has ended, while its memory is in use by the next.
let private stale () =
    let arena = Arena<float>()
    let tensor = Tensor.RentZeroed(arena, shape [ 1 ])
    arena.Release()
    Tensor.Rent(arena, shape [ 1 ]).Span.Fill 13.0
    tensor

let private refusesStale (access: Tensor<float> -> 'R) =
    refuses<StaleTensorException, _> [ "belongs to a step"; "has ended"; "Copy it out with ToPersistent()" ] (fun () ->
        access (stale ()))

[<Tests>]
let tests =
    testList
        "Tensors.Tensor"
        [
            property 20 "elements lie in row-major order" (fun sizes ->
                let x = normal sizes.Random [ sizes.Batch; sizes.Rows; sizes.Columns ]

                let byIndex =
                    [|
                        for b in 0 .. sizes.Batch - 1 do
                            for i in 0 .. sizes.Rows - 1 do
                                for j in 0 .. sizes.Columns - 1 -> x[b, i, j]
                    |]

                Expect.equal byIndex (x.ToArray()) "order")

            testCase "every access to a tensor of an ended step is refused" (fun () ->
                refusesStale (fun x -> x.Span.Length)
                refusesStale (fun x -> x[0])
                refusesStale (fun x -> x[0] <- 1.0)
                refusesStale _.ToArray()
                refusesStale _.ToScalar()
                refusesStale _.ToPersistent()
                refusesStale _.ToString()
                refusesStale (fun x -> x.Reshape(shape [ 1; 1 ]).ToArray()))

            testCase "what was copied out with ToPersistent before the step ended stays readable" (fun () ->
                let arena = Arena<float>()
                let rented = Tensor.Rent(arena, shape [ 2 ])
                rented.Span.Fill 4.0
                let kept = rented.ToPersistent()
                arena.Release()
                Tensor.Rent(arena, shape [ 2 ]).Span.Fill 13.0
                Expect.equal (kept.ToArray()) [| 4.0; 4.0 |] "kept"
                Expect.isTrue kept.IsPersistent "persistent")

            testCase "persistent tensors do not share memory with what they were made from" (fun () ->
                let values = [| 1.0; 2.0 |]
                let x = tensor [ 2 ] values
                values[0] <- 9.0
                let copy, elements = x.ToPersistent(), x.ToArray()
                copy[0] <- 9.0
                elements[0] <- 9.0
                Expect.equal x[0] 1.0 "own memory")

            testCase "Zeros are zeros and Scalar is a number" (fun () ->
                Expect.equal ((zeros<float32> [ 2; 2 ]).ToArray()) (Array.zeroCreate 4) "zeros"
                Expect.equal ((Tensor.Scalar 3f).ToScalar()) 3f "scalar"
                Expect.equal ((tensor [ 1; 1 ] [ 3.0 ]).ToScalar()) 3.0 "one element")

            testCase "a tensor prints its shape and, while it is small, its values" (fun () ->
                Expect.equal ((tensor [ 2 ] [ 0.5; -1.0 ]).ToString()) "Tensor [2] { 0.5, -1 }" "small"
                Expect.equal ((zeros<float> [ 65 ]).ToString()) "Tensor [65]" "large")

            testCase "a wrong number of values is refused" (fun () ->
                refusesShape [ "[2, 2] holds 4 values"; "got 3"; "one value per element" ] (fun () ->
                    tensor [ 2; 2 ] [ 1.0; 2.0; 3.0 ]))

            testCase "an index of another rank or outside the tensor is refused" (fun () ->
                let x = zeros<float> [ 2; 3 ]
                refusesShape [ "[2, 3] needs 2 numbers"; "got 1" ] (fun () -> x[1])
                refusesShape [ "index 3 lies outside axis 1 of [2, 3]" ] (fun () -> x[0, 3])
                refusesShape [ "index -1 lies outside axis 0" ] (fun () -> x[-1, 0] <- 1.0))

            testCase "only one element makes a number" (fun () ->
                refusesShape [ "only a tensor of one element"; "[2]" ] (fun () -> (zeros<float> [ 2 ]).ToScalar())

                refusesShape [ "[0]" ] (fun () -> (zeros<float> [ 0 ]).ToScalar()))

            testCase "a shape of another length is refused by Reshape" (fun () ->
                refusesShape [ "[2, 3] holds 6 elements"; "[5], which holds 5" ] (fun () ->
                    (zeros<float> [ 2; 3 ]).Reshape(shape [ 5 ])))
        ]
