using Hybrid.Files;

namespace Hybrid.Data;

/// <summary>
/// The binary format of CIFAR-10: one record after the other, each a byte of label and an image of 32x32 pixels. Plain or gzip.
/// </summary>
/// <remarks>
/// Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images"; the format is described where the set is published.
/// </remarks>
public static class CifarFile
{
    /// <summary>Height and width of an image.</summary>
    public const int Size = 32;

    /// <summary>Red, green and blue.</summary>
    public const int Channels = 3;

    /// <summary>Classes 0 to 9: airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck.</summary>
    public const int Classes = 10;

    private const int Pixels = Size * Size;
    private const int Record = 1 + Channels * Pixels;

    /// <summary>Reads all images of the files, in order; each is a row of [32, 32, 3], flattened, 0 to 1.</summary>
    /// <param name="paths">The files, such as data_batch_1.bin to data_batch_5.bin.</param>
    /// <exception cref="DataFileException">
    /// There is no file, one cannot be read, holds no whole number of records or none, or has a label that is no class; or all of them
    /// together are more than one tensor can hold.
    /// </exception>
    /// <remarks>
    /// The files have one plane for each color; rows are turned into [height, width, channels], which convolutions here take.
    /// </remarks>
    public static Examples Read(params string[] paths)
    {
        if (paths.Length == 0) throw new DataFileException("no file of CIFAR-10 was given; pass the path of one or more.");
        var files = Array.ConvertAll(paths, ReadRecords);
        var count = files.Sum(file => (long)file.Length / Record);
        if (count * Channels * Pixels > Array.MaxLength) throw new DataFileException(
            $"{paths[^1]}: with the files before it {count} images, which one tensor cannot hold; read fewer at a time.");

        var inputs = Tensor<float>.Zeros(new Shape((int)count, Channels * Pixels));
        var labels = new int[count];
        var row = 0;
        foreach (var file in files)
            for (var start = 0; start < file.Length; start += Record, row++)
            {
                labels[row] = file[start];
                Interleave(file.AsSpan(start + 1, Channels * Pixels), inputs.Span.Slice(row * Channels * Pixels, Channels * Pixels));
            }
        return new Examples(inputs, labels, Classes);
    }

    private static byte[] ReadRecords(string path)
    {
        var bytes = DataBytes.Read(path, "records");
        if (bytes.Length == 0 || bytes.Length % Record != 0) throw new DataFileException(
            $"{path}: {bytes.Length} bytes, expected one or more records of {Record}, a label and {Size}x{Size} pixels of {Channels} "
            + "colors; restore the file or correct the path.");
        for (var start = 0; start < bytes.Length; start += Record)
            if (bytes[start] >= Classes) throw new DataFileException($"{path}: label {bytes[start]} of record {start / Record} is none of "
                + $"{Classes} classes, which count from 0; restore the file or correct the path.");
        return bytes;
    }

    private static void Interleave(ReadOnlySpan<byte> planes, Span<float> image)
    {
        for (var pixel = 0; pixel < Pixels; pixel++)
            for (var channel = 0; channel < Channels; channel++)
                image[pixel * Channels + channel] = planes[channel * Pixels + pixel] / 255f;
    }
}
