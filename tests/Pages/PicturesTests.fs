/// Images of the reader's own, as the prelude reads them for all pages.
module Hybrid.Tests.Pages.PicturesTests

open System.IO
open Expecto
open Hybrid.Scripts
open Hybrid.Tests.Checkpoints
open Hybrid.Tests.Pages.Images
open Hybrid.Tests.Pages.Refusals

let private expectRefused prepare (fragments: string list) =
    Files.withFolder (fun folder ->
        prepare folder
        let said = refusalOf (fun () -> Pictures.own folder)

        for fragment in fragments do
            Expect.stringContains said fragment "cause and remedy")

let private sizes (pictures: Pictures) =
    (pictures.Train.Count, pictures.Test.Count), (pictures.Height, pictures.Width, pictures.Channels)

let private compress (file: string) =
    File.WriteAllBytes(file + ".gz", Files.gzip (File.ReadAllBytes file))
    File.Delete file

/// Sequenced: they change where errors go.
[<Tests>]
let tests =
    testSequenced (
        testList
            "Pages.Pictures"
            [
                testCase "files as MNIST has them are read, plain or compressed" (fun () ->
                    Files.withFolder (fun folder ->
                        writeIdx folder 16 4 12 8
                        let plain = Pictures.own folder
                        Expect.equal (sizes plain) ((16, 4), (12, 8, 1)) "sizes"
                        Expect.equal plain.Test.Labels [| 0; 1; 2; 3 |] "labels"
                        Array.iter compress (Directory.GetFiles folder)
                        let packed = Pictures.own folder
                        Expect.equal (packed.Train.Inputs.ToArray()) (plain.Train.Inputs.ToArray()) "pixels"))

                testCase "files as CIFAR-10 has them are read" (fun () ->
                    Files.withFolder (fun folder ->
                        writeCifar folder 7 2
                        Expect.equal (sizes (Pictures.own folder)) ((7, 2), (32, 32, 3)) "sizes"))

                testCase "a folder without images is refused, with what it needs" (fun () ->
                    expectRefused ignore [ "train-images-idx3-ubyte"; "data_batch_1.bin" ])

                testCase "a part that is missing, a file cut short and images of two sizes are refused" (fun () ->
                    expectRefused
                        (fun folder ->
                            writeCifar folder 2 2
                            File.Delete(Path.Combine(folder, "test_batch.bin")))
                        [ "test_batch.bin" ]

                    expectRefused
                        (fun folder ->
                            writeIdx folder 2 2 4 4
                            let file = Path.Combine(folder, "train-images-idx3-ubyte")
                            File.WriteAllBytes(file, (File.ReadAllBytes file)[..20]))
                        [ "train-images-idx3-ubyte" ]

                    expectRefused
                        (fun folder ->
                            writeIdx folder 2 2 4 4
                            let test = Path.Combine(folder, "t10k-images-idx3-ubyte")
                            let kept = File.ReadAllBytes(Path.Combine(folder, "train-images-idx3-ubyte"))
                            writeIdx folder 2 2 4 8
                            File.WriteAllBytes(test, kept))
                        [ "t10k-images-idx3-ubyte"; "another size" ])
            ]
    )
