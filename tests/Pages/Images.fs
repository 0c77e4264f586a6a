/// Folders of images as a reader has them, of random pixels, ten classes.
module Hybrid.Tests.Pages.Images

open System
open System.IO

let private write folder name (parts: byte[] list) = File.WriteAllBytes(Path.Combine(folder, name), Array.concat parts)

/// As MNIST has them: so many to learn from, and to be tested on.
let writeIdx folder train test height width =
    let random = Random 1
    let size (number: int) = [| 0uy; 0uy; byte (number / 256); byte number |]

    for part, count in [ "train", train; "t10k", test ] do
        let pixels = Array.zeroCreate (count * height * width)
        random.NextBytes pixels

        write
            folder
            $"{part}-images-idx3-ubyte"
            [ [| 0uy; 0uy; 8uy; 3uy |]; size count; size height; size width; pixels ]

        write
            folder
            $"{part}-labels-idx1-ubyte"
            [ [| 0uy; 0uy; 8uy; 1uy |]; size count; Array.init count (fun i -> byte (i % 10)) ]

/// As CIFAR-10 has them, 32x32 in colour.
let writeCifar folder train test =
    let random = Random 1

    for name, count in [ "data_batch_1.bin", train; "test_batch.bin", test ] do
        write
            folder
            name
            [
                for i in 1..count do
                    let image = Array.zeroCreate 3072
                    random.NextBytes image
                    [| byte (i % 10) |]
                    image
            ]
