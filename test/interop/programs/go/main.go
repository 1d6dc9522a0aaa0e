// Does what it is told line by line: see test/interop/program.ts.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

var (
	ctx    = context.Background()
	client *s3.Client
)

func put(bucket, key, file string) error {
	body, err := os.Open(file)
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: body})
	return err
}

func get(bucket, key, file string, byteRange *string) error {
	answer, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key, Range: byteRange})
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	_, err = io.Copy(out, answer.Body)
	return err
}

func multipart(bucket, key, file string) error {
	body, err := os.Open(file)
	if err != nil {
		return err
	}
	defer body.Close()
	manager := transfermanager.New(client, func(options *transfermanager.Options) {
		options.PartSizeBytes = 5 << 20
		options.MultipartUploadThreshold = 5 << 20
	})
	_, err = manager.UploadObject(ctx, &transfermanager.UploadObjectInput{Bucket: &bucket, Key: &key, Body: body})
	return err
}

func list(bucket, prefix string) ([]string, error) {
	// XML cannot hold every key: encoded, it can.
	input := &s3.ListObjectsV2Input{
		Bucket: &bucket, Prefix: &prefix, MaxKeys: aws.Int32(5), EncodingType: types.EncodingTypeUrl,
	}
	keys := []string{}
	for pages := s3.NewListObjectsV2Paginator(client, input); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, entry := range page.Contents {
			key, err := url.QueryUnescape(*entry.Key)
			if err != nil {
				return nil, err
			}
			keys = append(keys, key)
		}
	}
	return keys, nil
}

func remove(bucket string, keys []string) error {
	if len(keys) == 1 {
		_, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &keys[0]})
		return err
	}
	objects := []types.ObjectIdentifier{}
	for _, key := range keys {
		objects = append(objects, types.ObjectIdentifier{Key: aws.String(key)})
	}
	answer, err := client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &types.Delete{Objects: objects}})
	if err == nil && len(answer.Errors) > 0 {
		err = fmt.Errorf("%s: %s", *answer.Errors[0].Key, *answer.Errors[0].Code)
	}
	return err
}

func copyObject(bucket, from, to string) error {
	parts := strings.Split(bucket+"/"+from, "/")
	for index, part := range parts {
		parts[index] = url.PathEscape(part)
	}
	source := strings.ReplaceAll(strings.Join(parts, "/"), "+", "%2B")
	_, err := client.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &bucket, Key: &to, CopySource: &source})
	return err
}

func presign(bucket, key, method string) (string, error) {
	presigner := s3.NewPresignClient(client, s3.WithPresignExpires(10*time.Minute))
	if method == "GET" {
		request, err := presigner.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
		if err != nil {
			return "", err
		}
		return request.URL, nil
	}
	request, err := presigner.PresignPutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return "", err
	}
	return request.URL, nil
}

func do(words []string) ([]string, error) {
	switch words[0] {
	case "version":
		return []string{aws.SDKVersion}, nil
	case "put":
		return nil, put(words[1], words[2], words[3])
	case "get":
		return nil, get(words[1], words[2], words[3], nil)
	case "range":
		var end int
		fmt.Sscan(words[5], &end)
		return nil, get(words[1], words[2], words[3], aws.String(fmt.Sprintf("bytes=%s-%d", words[4], end-1)))
	case "multipart":
		return nil, multipart(words[1], words[2], words[3])
	case "list":
		return list(words[1], words[2])
	case "copy":
		return nil, copyObject(words[1], words[2], words[3])
	case "delete":
		return nil, remove(words[1], words[2:])
	case "presign":
		link, err := presign(words[1], words[2], words[3])
		return []string{link}, err
	}
	return nil, fmt.Errorf("no operation %s", words[0])
}

func main() {
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		panic(err)
	}
	client = s3.NewFromConfig(settings, func(options *s3.Options) { options.UsePathStyle = true })
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		words := strings.Split(lines.Text(), " ")
		for index, word := range words {
			words[index], _ = url.PathUnescape(word)
		}
		answer, err := do(words)
		answer = append([]string{"ok"}, answer...)
		if err != nil {
			answer = []string{"error", err.Error()}
		}
		for index, word := range answer {
			answer[index] = strings.ReplaceAll(url.QueryEscape(word), "+", "%20")
		}
		fmt.Println("@ " + strings.Join(answer, " "))
	}
}
