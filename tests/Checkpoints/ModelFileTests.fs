module Hybrid.Tests.Checkpoints.ModelFileTests

open System
open System.IO
open Expecto
open Hybrid.Autodiff
open Hybrid.Checkpoints
open Hybrid.Files
open Hybrid.Tensors
open Hybrid.Data
open Hybrid.Tests.Support
open Hybrid.Tests.Models.TinyTransformer
open Hybrid.Tests.Checkpoints.Files

let private weights () =
    [| Parameter("a.weight", tensor [ 2; 2 ] [ 1f; 2f; 3f; 4f ]); Parameter("a.bias", tensor [ 2 ] [ 5f; 6f ]) |]

let private valuesOf (parameters: Parameter<float32>[]) = parameters |> Array.map (fun p -> p.Value.ToArray())

/// A file of these tensors is refused with these fragments, and the parameters stay as they were.
let private expectRefused (tensors: (string * StoredTensor) list) fragments =
    withPath (fun path ->
        SafeTensors.Write(path, Map.ofList tensors)
        let parameters = weights ()

        refuses<DataFileException, _> (path :: fragments) (fun () ->
            ModelFile.LoadInto(path, parameters, convert = true) |> ignore)

        Expect.equal (valuesOf parameters) (valuesOf (weights ())) "nothing is loaded")

let private f32 extents (values: float32 list) = StoredTensor.Of(tensor extents values)
let private weight = "a.weight", f32 [ 2; 2 ] [ 9f; 9f; 9f; 9f ]
let private bias = "a.bias", f32 [ 2 ] [ 9f; 9f ]

[<Tests>]
let tests =
    testList
        "Checkpoints.ModelFile"
        [
            testCase "a model's weights come back to the bit, float and double, and the metadata with them" (fun () ->
                withPath (fun path ->
                    let texts = Map.ofList [ "note", "step 12" ]
                    let saved, other = single small 1UL, single small 2UL
                    ModelFile.Save(path, saved.Parameters, texts)
                    let metadata = ModelFile.LoadInto(path, other.Parameters)
                    Expect.equal metadata["note"] "step 12" "metadata"

                    for a, b in Seq.zip saved.Parameters other.Parameters do
                        Expect.equal (b.Value.ToArray()) (a.Value.ToArray()) a.Name

                    let saved, other = double small 1UL, double small 2UL
                    ModelFile.Save(path, saved.Parameters)
                    ModelFile.LoadInto(path, other.Parameters) |> ignore

                    for a, b in Seq.zip saved.Parameters other.Parameters do
                        Expect.equal (b.Value.ToArray()) (a.Value.ToArray()) a.Name))

            testCase "names are those of the model tree, a tied embedding is there once" (fun () ->
                let namesOf options =
                    withPath (fun path ->
                        ModelFile.Save(path, (single options 1UL).Parameters)
                        expectWellFormed (File.ReadAllBytes path)
                        Set.ofSeq (SafeTensors.Read path).Tensors.Keys)

                let tied, untied = namesOf small, namesOf { small with Tied = false }

                Expect.equal
                    tied
                    (Set.ofSeq (Seq.map (fun (p: Parameter<_>) -> p.Name) (single small 1UL).Parameters))
                    "all"

                Expect.isTrue (tied.Contains "encoder.0.self.query.weight" && tied.Contains "target.table") "some"
                Expect.equal (untied - tied) (Set.singleton "output.weight") "a layer of its own")

            testCase "a missing, an extra and a misshapen tensor are named, with both shapes" (fun () ->
                expectRefused [ weight ] [ "lacks 'a.bias' [2], which the model has"; "settings it was saved with" ]
                expectRefused [ weight; bias; "b", f32 [ 3 ] [ 1f; 2f; 3f ] ] [ "has 'b' [3], which the model lacks" ]

                expectRefused
                    [ weight; "a.Bias", snd bias ]
                    [ "lacks 'a.bias' [2], which the model has, and has 'a.Bias' [2], which the model lacks" ]

                expectRefused
                    [ "a.weight", f32 [ 4 ] [ 9f; 9f; 9f; 9f ]; bias ]
                    [ "tensor 'a.weight'"; "the file has [4], the model [2, 2]"; "transpose of PyTorch's" ]

                expectRefused [ for i in 1..9 -> $"x{i}", snd bias ] [ "'x3' [2] and 6 more" ])

            testCase "the last tensor that does not fit keeps the first from being loaded" (fun () ->
                expectRefused [ weight; "a.bias", f32 [ 2 ] [ 9f; nanf ] ] [ "'a.bias'"; "element 1 is NaN" ])

            testCase "NaN and infinities never pass silently, on either way" (fun () ->
                for bad in [ nanf; infinityf; -infinityf ] do
                    expectRefused
                        [ "a.weight", f32 [ 2; 2 ] [ 9f; 9f; bad; 9f ]; bias ]
                        [ "'a.weight'"; "element 2 is"; "before the run diverged" ]

                    withPath (fun path ->
                        let parameters = weights ()
                        ModelFile.Save(path, parameters)
                        let before = File.ReadAllBytes path
                        parameters[1].Value[ 0 ] <- bad

                        refuses<NonFiniteException, _> [ "'a.bias' [2]"; "element 0"; "not saved" ] (fun () ->
                            ModelFile.Save(path, parameters))

                        Expect.equal (File.ReadAllBytes path) before "the earlier file stays"))

            testCase "the other floating-point type is converted only if asked, integers never" (fun () ->
                withPath (fun path ->
                    let stored = StoredTensor.Of(tensor [ 1 ] [ 0.1 ])
                    SafeTensors.Write(path, Map.ofList [ "x", stored ])
                    let x = Parameter("x", zeros<float32> [ 1 ])

                    refuses<DataFileException, _> [ "has F64, the model wants F32"; "convert: true" ] (fun () ->
                        ModelFile.LoadInto(path, [ x ]) |> ignore)

                    ModelFile.LoadInto(path, [ x ], convert = true) |> ignore
                    Expect.equal (x.Value.ToScalar()) 0.1f "rounded to the nearest"
                    ModelFile.Save(path, [ x ])
                    let wide = Parameter("x", zeros<float> [ 1 ])
                    ModelFile.LoadInto(path, [ wide ], convert = true) |> ignore
                    Expect.equal (wide.Value.ToScalar()) (float 0.1f) "nothing is added")

                expectRefused
                    [ weight; "a.bias", StoredTensor.Of(shape [ 2 ], ReadOnlySpan [| 1L; 2L |]) ]
                    [ "integers (I64), the model wants F32" ])

            testCase "a double that no float can hold is refused" (fun () ->
                expectRefused
                    [ weight; "a.bias", StoredTensor.Of(tensor [ 2 ] [ 1.0; 1e300 ]) ]
                    [ "'a.bias'"; "element 1 is"; "as F32" ])

            testCase "two parameters of one name are refused" (fun () ->
                withPath (fun path ->
                    refuses<ArgumentException, _> [ "two parameters are called 'a.bias'" ] (fun () ->
                        ModelFile.Save(path, [ (weights ())[1]; (weights ())[1] ]))))
        ]
