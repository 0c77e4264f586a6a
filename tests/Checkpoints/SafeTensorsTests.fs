module Hybrid.Tests.Checkpoints.SafeTensorsTests

open System
open System.IO
open System.Security.Cryptography
open System.Text
open Expecto
open FsCheck.FSharp
open Hybrid.Checkpoints
open Hybrid.Files
open Hybrid.Data
open Hybrid.Tensors
open Hybrid.Tests.Support
open Hybrid.Tests.Checkpoints.Files

/// The numbers as bytes, in row-major order.
let bytesOf (tensor: StoredTensor) =
    match tensor.Type with
    | ElementType.F32 -> tensor.ToTensor<float32>().ToArray() |> Array.collect BitConverter.GetBytes
    | ElementType.F64 -> tensor.ToTensor<float>().ToArray() |> Array.collect BitConverter.GetBytes
    | _ -> tensor.ToIntegers() |> Array.collect BitConverter.GetBytes

let contents (tensors: seq<Collections.Generic.KeyValuePair<string, StoredTensor>>) =
    tensors |> Seq.map (fun t -> t.Key, (t.Value.Type, t.Value.Shape, bytesOf t.Value)) |> Map.ofSeq

/// A tensor of random bits: numbers of every size, infinities and NaN with all their payloads.
let private storedOf (random: RandomStream) kind extents =
    let shape = shape extents

    match kind with
    | 0 ->
        let values = Array.init shape.Length (fun _ -> BitConverter.UInt32BitsToSingle(uint32 (random.NextBits())))
        StoredTensor.Of(Tensor<float32>.From(shape, ReadOnlySpan values))
    | 1 ->
        let values = Array.init shape.Length (fun _ -> BitConverter.UInt64BitsToDouble(random.NextBits()))
        StoredTensor.Of(Tensor<float>.From(shape, ReadOnlySpan values))
    | _ -> StoredTensor.Of(shape, ReadOnlySpan(Array.init shape.Length (fun _ -> int64 (random.NextBits()))))

let private texts =
    [ "a"; "encoder.0.self.query.weight"; "é"; "日本"; "\"\\\n\t\000"; "a.b"; "B"; ""; "𝔘"; "<&'+>"; "sha"; " " ]

let private trees =
    gen {
        let! names = Gen.subListOf texts
        let! seed = Gen.choose (0, 1_000_000)
        let random = RandomStream(uint64 seed)

        let! tensors =
            names
            |> List.map (fun name ->
                gen {
                    let! kind = Gen.choose (0, 2)
                    let! rank = Gen.choose (0, 3)
                    let! extents = Gen.listOfLength rank (Gen.choose (0, 4))
                    return name, storedOf random kind extents
                })
            |> Gen.sequenceToList

        let! described = Gen.subListOf texts
        return Map.ofSeq tensors, Map.ofList [ for name in described -> name, name + name ]
    }

let private written tensors metadata =
    withPath (fun path ->
        SafeTensors.Write(path, tensors, metadata)
        File.ReadAllBytes path, SafeTensors.Read path)

/// A tensor of each type.
let sample =
    Map.ofList
        [
            "b", StoredTensor.Of(tensor [ 2 ] [ 1.5f; -2.0f ])
            "a", StoredTensor.Of(tensor [ 1; 3 ] [ 0.0f; 1.0f; 2.0f ])
            "z", StoredTensor.Of(tensor [] [ Math.PI ])
            "step", StoredTensor.Of(shape [ 2 ], ReadOnlySpan [| 7L; Int64.MinValue |])
            "none", StoredTensor.Of(Tensor<float32>.Zeros(shape [ 0; 4 ]))
        ]

let private roundTrip =
    testList
        "round trip"
        [
            propertyOf
                trees
                150
                "random trees of tensors come back to the bit, and so do the texts"
                (fun (tensors, texts) ->
                    let _, file = written tensors texts
                    Expect.equal (contents file.Tensors) (contents tensors) "tensors"
                    Expect.equal (Map.ofSeq [ for t in file.Metadata -> t.Key, t.Value ]) texts "metadata")

            propertyOf trees 150 "an independent reading of the format finds the same" (fun (tensors, texts) ->
                let bytes, _ = written tensors texts
                expectWellFormed bytes
                let entries, metadata = parse bytes

                let actual =
                    [
                        for e in entries do
                            let kind = Enum.Parse<ElementType> e.Type
                            e.Name, (kind, shape (List.map int e.Shape), e.Bytes)
                    ]

                Expect.equal (Map.ofList actual) (contents tensors) "tensors"
                Expect.equal (Map.remove "sha256" metadata) texts "metadata")

            testCase "a tensor of more than one piece comes back, and lies where it should" (fun () ->
                let length = (1 <<< 20) + 3
                let values = Array.init length float32
                let tensors = Map.ofList [ "x", StoredTensor.Of(tensor [ length ] values) ]
                let bytes, file = written tensors null
                Expect.isTrue (file.Tensors["x"].ToTensor<float32>().ToArray() = values) "values"
                Expect.equal (BitConverter.ToSingle(bytes, bytes.Length - 4)) (float32 (length - 1)) "the last")

            testCase "the bytes are those that the reference library writes, but for the checksum" (fun () ->
                let bytes, _ = written sample (Map.ofList [ "format", "pt" ])

                let header =
                    "{\"__metadata__\":{\"sha256\":\"0\",\"format\":\"pt\"},"
                    + "\"step\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[0,16]},"
                    + "\"z\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[16,24]},"
                    + "\"a\":{\"dtype\":\"F32\",\"shape\":[1,3],\"data_offsets\":[24,36]},"
                    + "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[36,44]},"
                    + "\"none\":{\"dtype\":\"F32\",\"shape\":[0,4],\"data_offsets\":[44,44]}}"

                let length = int (BitConverter.ToInt64(bytes, 0))
                let actual = Encoding.UTF8.GetString(bytes, 8, length)
                let checksum = (snd (parse bytes))["sha256"]
                Expect.equal (actual.TrimEnd(' ').Replace(checksum, "0")) header "header"
                // The checksum covers header and data, itself as zeros.
                let zeros = Encoding.UTF8.GetBytes(actual.Replace(checksum, String('0', 64)))
                let covered = Array.append zeros bytes[8 + length ..]
                Expect.equal checksum (Convert.ToHexStringLower(SHA256.HashData covered)) "checksum")

            testCase "a file without metadata, in any order and with other spacing, is read as well" (fun () ->
                let header =
                    """{ "y": {"data_offsets": [8, 16], "shape": [2], "dtype": "F32"},
                         "x": {"dtype": "I64", "shape": [], "data_offsets": [0, 8], "note": 1} }   """

                withBytes (fileOf header (Array.init 16 byte)) (fun path ->
                    let file = SafeTensors.Read path
                    Expect.equal (file.Tensors["x"].ToIntegers()) [| 0x0706050403020100L |] "x"
                    Expect.equal file.Tensors["y"].Shape (shape [ 2 ]) "y"
                    Expect.isEmpty file.Metadata "metadata"))

            testCase "numbers convert where they can, and integers are no weights" (fun () ->
                let _, file = written sample null
                Expect.equal (floats (file.Tensors["b"].ToTensor<float>())) [| 1.5; -2.0 |] "to double"
                Expect.equal (file.Tensors["z"].ToTensor<float32>().ToScalar()) (float32 Math.PI) "rounded"

                refuses<InvalidOperationException, _> [ "I64 [2] holds integers"; "ToIntegers" ] (fun () ->
                    file.Tensors["step"].ToTensor<float32>())

                refuses<InvalidOperationException, _> [ "floating-point"; "ToTensor" ] (fun () ->
                    file.Tensors["a"].ToIntegers())

                refusesShape [ "[2] holds 2 values, got 1" ] (fun () ->
                    StoredTensor.Of(shape [ 2 ], ReadOnlySpan [| 1L |])))
        ]

let private writing =
    testList
        "writing"
        [
            testCase "an earlier file is replaced, and nothing else is left in the folder" (fun () ->
                withFolder (fun folder ->
                    let path = Path.Combine(folder, "x.safetensors")
                    SafeTensors.Write(path, sample)
                    SafeTensors.Write(path, Map.ofList [ "only", sample["a"] ])
                    Expect.equal (List.ofSeq (SafeTensors.Read path).Tensors.Keys) [ "only" ] "the later one"
                    Expect.equal (Directory.GetFiles folder) [| path |] "files"))

            testCase "a write that fails halfway leaves the earlier file whole" (fun () ->
                withFolder (fun folder ->
                    let path = Path.Combine(folder, "x")
                    File.WriteAllText(path, "earlier")

                    let fail (error: exn) =
                        fun () ->
                            AtomicFile.Write(
                                path,
                                fun stream ->
                                    stream.Write(ReadOnlySpan(Array.zeroCreate<byte> 100_000))
                                    raise error
                            )

                    let fragments = [ path; "cannot be written (No space left)"; "free space, or choose a folder" ]
                    refuses<DataFileException, _> fragments (fail (IOException "No space left."))
                    refuses<InvalidOperationException, _> [ "other" ] (fail (InvalidOperationException "other"))
                    Expect.equal (File.ReadAllText path) "earlier" "contents"
                    Expect.equal (Directory.GetFiles folder) [| path |] "files"))

            testCase "a folder that does not exist, or stands where the file should, is refused" (fun () ->
                withFolder (fun folder ->
                    refuses<DataFileException, _> [ "cannot be written"; "choose a folder that exists" ] (fun () ->
                        SafeTensors.Write(Path.Combine(folder, "no", "x"), sample))

                    let taken = Directory.CreateDirectory(Path.Combine(folder, "taken")).FullName

                    refuses<DataFileException, _> [ taken; "cannot be written" ] (fun () ->
                        SafeTensors.Write(taken, sample))

                    Expect.isEmpty (Directory.GetFiles folder) "nothing is left"))

            testCase "names that the format or the checksum need are refused" (fun () ->
                withPath (fun path ->
                    refuses<ArgumentException, _> [ "'__metadata__'"; "rename the tensor" ] (fun () ->
                        SafeTensors.Write(path, Map.ofList [ "__metadata__", sample["a"] ]))

                    refuses<ArgumentException, _> [ "'sha256'"; "rename the text" ] (fun () ->
                        SafeTensors.Write(path, sample, Map.ofList [ "sha256", "x" ]))

                    Expect.isFalse (File.Exists path) "no file"))
        ]

[<Tests>]
let tests = testList "Checkpoints.SafeTensors" [ roundTrip; writing ]
