module Hybrid.Tests.Optimizers.ParameterAverageTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Optimizers
open Hybrid.Tensors
open Hybrid.Tests.Support

let private parameters (random: RandomStream) sizes =
    sizes
    |> List.mapi (fun i size ->
        Parameter<float>(
            $"p{i}",
            Tensor<float>.From(Shape [| size |], ReadOnlySpan(Array.init size (fun _ -> random.NextNormal())))
        ))

let private values (parameters: Parameter<_> list) =
    parameters |> List.map (fun parameter -> floats parameter.Value) |> Array.concat

let private set (parameters: Parameter<float> list) (random: RandomStream) =
    for parameter in parameters do
        for i in 0 .. parameter.Value.Length - 1 do
            parameter.Value.Span[i] <- random.NextNormal()

[<Tests>]
let tests =
    testList
        "Optimizers.ParameterAverage"
        [
            property 40 "the mean of all moments; exchanged twice, nothing has changed" (fun sizes ->
                let random = sizes.Random
                let trained = parameters random [ sizes.Rows; 1; 5 * sizes.Columns ]
                let average = ParameterAverage trained

                let moments =
                    [
                        for _ in 1 .. sizes.Inner do
                            set trained random
                            average.Add()
                            values trained
                    ]

                let mean = List.reduce (Array.map2 (+)) moments |> Array.map (fun sum -> sum / float moments.Length)
                set trained random
                let last = values trained
                Expect.equal average.Count moments.Length "count"
                average.Exchange()
                expectClose 1e-12 (values trained) mean "mean"
                average.Exchange()
                Expect.equal (values trained) last "as before, to the bit")

            property 20 "restored in another run, it goes on to the bit" (fun sizes ->
                let random = sizes.Random
                let trained = parameters random [ sizes.Rows; sizes.Columns ]
                let first, second = ParameterAverage trained, ParameterAverage trained
                first.Add()
                set trained random
                first.Add()
                // What the other had counted is forgotten.
                second.Add()
                second.Restore(first.Save())
                set trained random
                first.Add()
                second.Add()
                Expect.equal (second.Save()) (first.Save()) "numbers and count")

            testCase "single precision loses nothing of a mean of equal moments" (fun () ->
                let value = Tensor<single>.From(Shape 2, ReadOnlySpan [| 0.1f; 3e38f |])
                let average = ParameterAverage [ Parameter<single>("p", value) ]

                for _ in 1..7 do
                    average.Add()

                average.Exchange()
                Expect.equal (value.ToArray()) [| 0.1f; 3e38f |] "values")

            testCase "no moment, a parameter that is no number, and another model's average are refused" (fun () ->
                let trained = parameters (RandomStream 1UL) [ 2; 3 ]
                let average = ParameterAverage trained
                refuses<InvalidOperationException, _> [ "call Add first" ] average.Exchange
                average.Add()
                let before = average.Save()
                trained[1].Value[ 2 ] <- nan
                refuses<NonFiniteException, _> [ "'p1' [3]" ] average.Add
                Expect.equal (average.Save()) before "as it was"

                refuses<ArgumentException, _> [ "4 numbers"; "average of 5" ] (fun () ->
                    average.Restore(Array.zeroCreate 4))

                refuses<ArgumentException, _> [ "count" ] (fun () ->
                    average.Restore [| 1.0; 2.0; 3.0; 4.0; 5.0; -1.0 |])

                refuses<ArgumentException, _> [ "count" ] (fun () ->
                    average.Restore [| 1.0; 2.0; 3.0; 4.0; 5.0; nan |]))
        ]
