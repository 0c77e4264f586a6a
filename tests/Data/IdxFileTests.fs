module Hybrid.Tests.Data.IdxFileTests

open System
open System.IO
open System.Security.Cryptography
open Expecto
open Hybrid.Data
open Hybrid.Files
open Hybrid.Tests.Support
open Hybrid.Tests.Checkpoints.Files

let private bigEndian (extent: uint32) = Array.rev (BitConverter.GetBytes extent)

/// The file of these extents and elements, true or not.
let private idx (extents: uint32 list) (values: byte[]) =
    Array.concat [ [| 0uy; 0uy; 8uy; byte extents.Length |]; Array.collect bigEndian (Array.ofList extents); values ]

let private sample = idx [ 2u; 3u ] [| 1uy; 2uy; 3uy; 4uy; 5uy; 255uy |]

let private expectRefused = refusesBytes IdxFile.Read

let private mnist name = IdxFile.Read(Path.Combine(Hybrid.Tests.Equations.root, "scripts", "data", "mnist-10k", name))

let private reading =
    testList
        "reading"
        [
            propertyUpTo 12 40 "what was written is read, plain or compressed, of every rank" (fun sizes ->
                let random = sizes.Random

                let extents =
                    [ sizes.Rows; sizes.Columns; sizes.Batch ] @ [ 1; 2; 1; 2; 1 ]
                    |> List.truncate (1 + random.NextBelow 8)

                let values = Array.init (List.fold (*) 1 extents) (fun _ -> byte (random.NextBelow 256))
                let file = idx (List.map uint32 extents) values

                for bytes in [ file; gzip file ] do
                    withBytes bytes (fun path ->
                        let read = IdxFile.Read path
                        Expect.equal (List.ofArray read.Extents) extents "extents"
                        Expect.equal read.Values values "values"))

            testCase "an array without elements is read" (fun () ->
                withBytes (idx [ 0u; 28u; 28u ] [||]) (fun path ->
                    Expect.equal (IdxFile.Read path).Extents [| 0; 28; 28 |] "extents"
                    Expect.isEmpty (IdxFile.Read path).Values "values"))

            testCase "an empty array may have an axis of the largest extent there is" (fun () ->
                withBytes (idx [ 0u; uint32 Int32.MaxValue ] [||]) (fun path ->
                    Expect.equal (IdxFile.Read path).Extents [| 0; Int32.MaxValue |] "extents"))

            testCase "the images and labels that come with the repository are those of MNIST" (fun () ->
                let images, labels = mnist "train-images-idx3-ubyte.gz", mnist "train-labels-idx1-ubyte.gz"
                Expect.equal images.Extents [| 8000; 28; 28 |] "images to train on"
                Expect.equal labels.Extents [| 8000 |] "their labels"
                let first = [| 5uy; 0uy; 4uy; 1uy; 9uy; 2uy; 1uy; 3uy; 1uy; 4uy |]
                Expect.equal labels.Values[..9] first "the first digits"
                Expect.equal (Array.sumBy int images.Values[.. 28 * 28 - 1]) 27525 "ink of the first"
                Expect.equal (mnist "t10k-images-idx3-ubyte.gz").Extents [| 2000; 28; 28 |] "images to test on"
                let held = mnist "t10k-labels-idx1-ubyte.gz"
                Expect.equal (held.Extents, held.Values[..3]) ([| 2000 |], [| 0uy; 6uy; 2uy; 0uy |]) "their labels")
        ]

let private refusals =
    testList
        "refusals"
        [
            missingIsRefused IdxFile.Read

            testCase "what does not begin with two zero bytes, type and rank is no IDX file" (fun () ->
                for bytes in
                    [
                        [||]
                        [| 0uy; 0uy; 8uy |]
                        [| 1uy; 0uy; 8uy; 1uy |]
                        [| 0uy; 1uy; 8uy; 1uy |]
                        "5.1,3.5,0"B
                        gzip [||]
                    ] do
                    expectRefused [ "not an IDX file"; "two zero bytes"; "restore the file or correct the path" ] bytes)

            testCase "other types are refused, with their code" (fun () ->
                for code in [ 0uy; 7uy; 9uy; 0x0Duy ] do
                    let file = Array.copy sample
                    file[2] <- code
                    expectRefused [ $"type 0x{code:X2}"; "only unsigned bytes"; "convert the file" ] file)

            testCase "no axis, or more than eight, is refused" (fun () ->
                expectRefused [ "0 axes, expected 1 to 8"; "restore the file" ] (idx [] [| 1uy |])
                expectRefused [ "9 axes, expected 1 to 8" ] (idx (List.replicate 9 1u) [| 1uy |])
                expectRefused [ "255 axes" ] [| 0uy; 0uy; 8uy; 255uy |]
                withBytes (idx (List.replicate 8 1u) [| 1uy |]) (IdxFile.Read >> ignore))

            testCase "a file cut off anywhere is refused, and so is one that goes on" (fun () ->
                for length in 0 .. sample.Length - 1 do
                    expectRefused [ "restore the file" ] sample[.. length - 1]

                expectRefused [ "ends after 11 of the 12 bytes of its header" ] sample[..10]
                expectRefused [ "[2, 3] takes 6 bytes after the header, the file has 0" ] sample[..11]
                expectRefused [ "takes 6 bytes"; "the file has 5" ] sample[..16]
                expectRefused [ "takes 6 bytes"; "the file has 7" ] (Array.append sample [| 0uy |]))

            testCase
                "extents whose product no array can hold are refused, also where it wraps to the right size"
                (fun () ->
                    let fragments = [ "which one array cannot hold"; "restore the file" ]
                    expectRefused ("axis 0 of 4294967295" :: fragments) (idx [ UInt32.MaxValue ] [||])
                    expectRefused ("axis 1 of 65536" :: fragments) (idx [ 65536u; 65536u ] [||])
                    expectRefused ("axis 0 of 2147483648" :: fragments) (idx [ 0x80000000u; 0u ] [||])
                    let product = List.replicate 4 65536u @ [ 1u ]
                    expectRefused fragments (idx product [| 1uy |])
                    expectRefused fragments (idx (List.replicate 8 UInt32.MaxValue) [| 1uy |])
                    expectRefused ("axis 1 of 4294967295" :: fragments) (idx [ 0u; UInt32.MaxValue ] [||]))

            testCase "extents that claim gigabytes take no memory" (fun () ->
                withBytes (idx [ 40000u; 50000u ] [| 1uy |]) (fun path ->
                    let before = GC.GetAllocatedBytesForCurrentThread()

                    refuses<DataFileException, _> [ "takes 2000000000 bytes"; "the file has 1" ] (fun () ->
                        IdxFile.Read path)

                    let allocated = GC.GetAllocatedBytesForCurrentThread() - before
                    Expect.isLessThan allocated 1_000_000L "bytes"))

            testCase "a gzip file cut off anywhere is refused" (fun () ->
                let stored =
                    gzip (
                        idx
                            [ 300u ]
                            (SHA512.HashData "noise"B |> Array.replicate 5 |> Array.concat |> fun x -> x[..299])
                    )

                for length in 0 .. stored.Length - 1 do
                    expectRefused [] stored[.. length - 1]

                expectRefused
                    [ "truncated after"; "bytes of numbers"; "restore the file" ]
                    stored[.. stored.Length / 2])

            testCase "a damaged gzip file is refused" (fun () ->
                let stored = gzip sample
                stored[stored.Length / 2] <- stored[stored.Length / 2] ^^^ 0xFFuy
                expectRefused [ "gzip data"; "restore the file" ] stored)
        ]

[<Tests>]
let tests = testList "Data.IdxFile" [ reading; refusals ]
