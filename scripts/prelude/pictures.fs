namespace Hybrid.Scripts

open System
open System.IO
open Hybrid.Data
open Hybrid.Tensors

/// Images to learn from and to be tested on, each a row of [Height, Width, Channels].
type Pictures = { Train: Examples; Test: Examples; Height: int; Width: int; Channels: int }

/// The images that come with the repository, and the reader's own: grey values or colours from 0 to 1.
[<RequireQualifiedAccess>]
module Pictures =
    /// What an action makes of a file; one that holds something else than meant ends the page with the cause.
    let private readingExamples (file: string) (action: unit -> 'T) =
        reading (fun () ->
            try
                action ()
            with :? ArgumentException as error ->
                Host.refuse $"scripts/data/{file}: {error.Message} Check the data out again.")

    /// The same pictures with a function applied to every number.
    let map (change: float32 -> float32) (pictures: Pictures) : Pictures =
        let apply (examples: Examples) =
            let changed = examples.Inputs.ToArray() |> Array.map change

            Examples(
                Tensor<float32>.From(examples.Inputs.Shape, ReadOnlySpan changed),
                examples.Labels,
                examples.Classes
            )

        { pictures with Train = apply pictures.Train; Test = apply pictures.Test }

    /// The digits of scikit-learn, 1,797 images of 8x8 pixels: to learn from (1,297) and to be tested on (500), split by chance.
    let digits seed : Pictures =
        readingExamples "sklearn/digits.csv.gz" (fun () ->
            let all = Examples.FromTable(NumberTable.Read(dataFile "sklearn/digits.csv.gz", 0), 10, 16.0)

            let order = [| 0 .. all.Count - 1 |]
            RandomStream(seed).Split("digits").Shuffle(order.AsSpan())

            {
                Train = all.Take(ReadOnlySpan order[500..])
                Test = all.Take(ReadOnlySpan order[..499])
                Height = 8
                Width = 8
                Channels = 1
            })

    /// Images to learn from and to be tested on, of a folder of files as MNIST has them, with ten classes.
    let private images folder : Pictures =
        let part name =
            let file kind = dataFile $"{folder}/{name}-{kind}-ubyte.gz"
            Examples.FromIdx(IdxFile.Read(file "images-idx3"), IdxFile.Read(file "labels-idx1"), 10)

        readingExamples folder (fun () ->
            { Train = part "train"; Test = part "t10k"; Height = 28; Width = 28; Channels = 1 })

    /// The first images of MNIST, 28x28 pixels: 8,000 to learn from, 2,000 to be tested on.
    let mnist () = images "mnist-10k"

    /// Clothes of ten kinds from Fashion-MNIST, 28x28 pixels: 6,000 to learn from, 1,000 to be tested on.
    let fashion () = images "fashion-mnist-7k"

    /// The reader's own images from a folder, ten classes: files as MNIST has them (train-images-idx3-ubyte and so on), or CIFAR-10's
    /// (data_batch_1.bin to data_batch_5.bin and test_batch.bin), plain or gzip.
    let own (folder: string) : Pictures =
        let find (name: string) =
            [ name; name + ".gz" ]
            |> List.map (fun name -> Path.Combine(folder, name))
            |> List.tryFind File.Exists

        let idx =
            [ for part in [ "train"; "t10k" ] -> find $"{part}-images-idx3-ubyte", find $"{part}-labels-idx1-ubyte" ]

        let batches = List.choose find [ for i in 1..5 -> $"data_batch_{i}.bin" ]

        reading (fun () ->
            try
                match idx, batches, find "test_batch.bin" with
                | [ Some trainImages, Some trainLabels; Some testImages, Some testLabels ], _, _ ->
                    let images = IdxFile.Read trainImages

                    if images.Extents.Length <> 3 then
                        Host.refuse
                            $"--corpus: {trainImages} has {images.Extents.Length} axes; images have three: number, height and width."

                    let train = Examples.FromIdx(images, IdxFile.Read trainLabels, 10)
                    let test = Examples.FromIdx(IdxFile.Read testImages, IdxFile.Read testLabels, 10)

                    if test.Features <> train.Features then
                        Host.refuse
                            $"--corpus: the images of {testImages} have another size than those of {trainImages}."

                    { Train = train; Test = test; Height = images.Extents[1]; Width = images.Extents[2]; Channels = 1 }
                | _, (_ :: _), Some test ->
                    {
                        Train = CifarFile.Read(Array.ofList batches)
                        Test = CifarFile.Read test
                        Height = CifarFile.Size
                        Width = CifarFile.Size
                        Channels = CifarFile.Channels
                    }
                | _ ->
                    Host.refuse
                        $"--corpus: {folder} needs train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, or data_batch_1.bin (to 5) and test_batch.bin; each may end in .gz."
            with :? ArgumentException as error ->
                Host.refuse $"--corpus: {folder}: {error.Message}")
