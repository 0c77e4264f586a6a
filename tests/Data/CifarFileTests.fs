module Hybrid.Tests.Data.CifarFileTests

open System
open System.IO
open Expecto
open Hybrid.Data
open Hybrid.Files
open Hybrid.Tests.Support
open Hybrid.Tests.Checkpoints.Files

let private record = 3073

/// A record of this label and of pixels by their plane, row and column.
let private written label (pixel: int -> int -> int -> byte) =
    [|
        byte label
        for channel in 0..2 do
            for row in 0..31 do
                for column in 0..31 do
                    pixel channel row column
    |]

let private drawn (random: Hybrid.Tensors.RandomStream) label =
    let pixels = Array.init (record - 1) (fun _ -> byte (random.NextBelow 256))
    written label (fun channel row column -> pixels[(channel * 32 + row) * 32 + column])

/// The message names the file, and holds the fragments.
let private expectRefused fragments bytes =
    withBytes bytes (fun path -> refuses<DataFileException, _> (path :: fragments) (fun () -> CifarFile.Read path))

let private reading =
    testList
        "reading"
        [
            propertyUpTo
                4
                15
                "what was written is read, plain or compressed, with the colors of a pixel side by side"
                (fun sizes ->
                    let random = sizes.Random
                    let labels = Array.init sizes.Rows (fun _ -> random.NextBelow 10)
                    let records = labels |> Array.map (drawn random)

                    for bytes in [ Array.concat records; gzip (Array.concat records) ] do
                        withBytes bytes (fun path ->
                            let read = CifarFile.Read path

                            Expect.equal
                                (read.Inputs.Shape, read.Classes)
                                (shape [ sizes.Rows; 32 * 32 * 3 ], 10)
                                "extents"

                            Expect.equal read.Labels labels "labels"
                            let images = read.Inputs.Reshape(shape [ sizes.Rows; 32; 32; 3 ])

                            for _ in 1..50 do
                                let image, row, column, channel =
                                    random.NextBelow sizes.Rows,
                                    random.NextBelow 32,
                                    random.NextBelow 32,
                                    random.NextBelow 3

                                let stored = records[image].[1 + (channel * 32 + row) * 32 + column]
                                Expect.equal images[image, row, column, channel] (float32 stored / 255f) "pixel"))

            testCase "pixels are 0 to 1, rows from top to bottom, colors red, green and blue" (fun () ->
                withBytes
                    (written 7 (fun channel row column ->
                        if row = 31 && column = 0 then [| 255uy; 0uy; 51uy |][channel] else 0uy))
                    (fun path ->
                        let inputs = (CifarFile.Read path).Inputs.ToArray()
                        Expect.equal inputs[31 * 32 * 3 .. 31 * 32 * 3 + 2] [| 1f; 0f; 0.2f |] "the lower left pixel"
                        Expect.equal (Array.sum inputs) 1.2f "all others"))

            testCase "several files are one set, in the order given" (fun () ->
                let random = Hybrid.Tensors.RandomStream 1UL
                let first, second = Array.append (drawn random 3) (drawn random 9), drawn random 0

                withBytes first (fun a ->
                    withBytes second (fun b ->
                        let read = CifarFile.Read(a, b)
                        Expect.equal read.Labels [| 3; 9; 0 |] "labels"
                        Expect.equal (row 2 read.Inputs) (row 0 (CifarFile.Read b).Inputs) "the last image"
                        Expect.equal (CifarFile.Read(b, a)).Labels [| 0; 3; 9 |] "the other order")))
        ]

let private refusals =
    testList
        "refusals"
        [
            missingIsRefused (fun path -> CifarFile.Read path)

            testCase "no file is refused" (fun () ->
                refuses<DataFileException, _> [ "no file"; "pass the path" ] (fun () -> CifarFile.Read()))

            testCase "what is no whole number of records is refused, with its size" (fun () ->
                let sample = drawn (Hybrid.Tensors.RandomStream 1UL) 3

                for length in [ 0; 1; record - 1 ] do
                    expectRefused
                        [ $"{length} bytes, expected one or more records of 3073"; "restore the file" ]
                        sample[.. length - 1]

                expectRefused [ "3074 bytes" ] (Array.append sample [| 0uy |])
                expectRefused [ "0 bytes" ] (gzip [||]))

            testCase "a label that is no class is refused, with its record" (fun () ->
                let random = Hybrid.Tensors.RandomStream 1UL
                let three label = Array.concat [ drawn random 9; drawn random label; drawn random 0 ]
                withBytes (three 9) (fun path -> CifarFile.Read path |> ignore)

                for label in [ 10; 255 ] do
                    expectRefused
                        [ $"label {label} of record 1 is none of 10 classes"; "restore the file or correct the path" ]
                        (three label))

            testCase "the file that is wrong is named, not its neighbours" (fun () ->
                let sample = drawn (Hybrid.Tensors.RandomStream 1UL) 3

                withBytes sample (fun whole ->
                    withBytes sample[..99] (fun broken ->
                        refuses<DataFileException, _> [ broken; "100 bytes" ] (fun () ->
                            CifarFile.Read(whole, broken, whole)))))

            testCase "a gzip file cut off or damaged is refused" (fun () ->
                let stored = gzip (drawn (Hybrid.Tensors.RandomStream 1UL) 3)

                for length in 2..97 .. stored.Length - 1 do
                    expectRefused [] stored[.. length - 1]

                expectRefused
                    [ "truncated after"; "bytes of records"; "restore the file" ]
                    stored[.. stored.Length / 2])
        ]

[<Tests>]
let tests = testList "Data.CifarFile" [ reading; refusals ]
